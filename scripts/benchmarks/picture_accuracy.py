"""Accuracy of each method on public pictures of handwritten digits: ``benchmark pictures``."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from scripts.lib.baselines import METHODS, Method, Prediction, build_methods, gray_image
from scripts.lib.docs import PICTURES, markdown_table, write_section
from scripts.lib.picture_sets.labels import page_text
from scripts.lib.picture_sets.sets import (
    PAGE_KINDS,
    LabelError,
    Picture,
    PictureSet,
    commit,
    found_sets,
    known_sets,
)

_RULES = {
    "first": "the first character of the file's name",
    "last": "the last character of the file's name",
    "word": "the English word in the file's name",
    "folder": "the folder's name",
    "only": "the digit or word in the file's name, or the folder's",
    "usps": "in the file",
    "uci": "in the file",
}


@dataclass(frozen=True)
class Result:
    """A picture and the prediction of each method."""

    picture: Picture
    predictions: dict[str, Prediction]

    def correct(self, method: str) -> bool:
        return self.predictions[method].text == self.picture.label

    def refused(self, method: str) -> bool:
        return "?" in self.predictions[method].text


Measured = list[tuple[PictureSet, list[Result]]]


def measure(found: Iterable[tuple[PictureSet, Path]], methods: dict[str, Method]) -> Measured:
    """Read every picture of some sets by every method.

    Raises:
        LabelError: a picture has no label or cannot be read.
    """
    measured = []
    for known, folder in found:
        results = []
        for picture in known.pictures(folder):
            try:
                predictions = {name: read(picture.source) for name, read in methods.items()}
            except (OSError, ValueError) as error:
                raise LabelError(f"{folder / picture.file} cannot be read: {error}") from error
            if known.kind in PAGE_KINDS:
                predictions = {
                    name: replace(read, text=page_text(read.text)) for name, read in predictions.items()
                }
            results.append(Result(picture, predictions))
        print(f"{known.name}: {len(results)}", file=sys.stderr)
        measured.append((known, results))
    return measured


def tables(measured: Measured, methods: Sequence[str], pool_only: bool = False) -> str:
    """Return the accuracies as Markdown: single digits, rows, pages and other benchmarks.

    Args:
        measured: as ``measure`` returns it.
        methods: names of the columns.
        pool_only: show only pooled figures, not those of each set.
    """
    parts = []
    for kind, title in (
        ("single", "Single digits"),
        ("row", "Rows, read exactly"),
        *((kind, f"Pages of the kind {kind}, read exactly") for kind in PAGE_KINDS),
        ("benchmark", "Other benchmarks"),
    ):
        of_kind = [(known.name, results) for known, results in measured if known.kind == kind]
        if not of_kind:
            continue
        if pool_only:
            pool = f"**pooled**, {len(of_kind)} sets"
            of_kind = [(pool, [result for _, results in of_kind for result in results])]
        elif kind != "benchmark":
            of_kind.append(("**pooled**", [result for _, results in of_kind for result in results]))
        head = [title, "pictures", *(METHODS[method] for method in methods), *_reader_columns(methods, kind)]
        rows = [head, *(_row(name, results, methods, kind) for name, results in of_kind)]
        parts.append(markdown_table(rows, right=range(1, len(head))))
    return "\n\n".join(parts)


def _has_lines(kind: str) -> bool:
    return kind not in ("single", "benchmark")


def _reader_columns(methods: Sequence[str], kind: str) -> list[str]:
    """Return the headings of what only digitrec does: it refuses, and it reads lines."""
    return ["refused", *(["lines exact"] if _has_lines(kind) else [])] if "digitrec" in methods else []


def _row(name: str, results: list[Result], methods: Sequence[str], kind: str) -> list[str]:
    def share(counts: Iterable[bool]) -> str:
        return f"{sum(counts) / len(results):.1%}"

    cells = [name, f"{len(results):,}"]
    if _has_lines(kind):
        cells += [str(sum(result.correct(method) for result in results)) for method in methods]
    else:
        cells += [share(result.correct(method) for result in results) for method in methods]
    if "digitrec" in methods:
        cells.append(share(result.refused("digitrec") for result in results))
    if "digitrec" in methods and _has_lines(kind):
        correct, count = zip(*(_lines(result, "digitrec") for result in results), strict=True)
        cells.append(f"{sum(correct)} of {sum(count)}")
    return cells


def _lines(result: Result, method: str) -> tuple[int, int]:
    """Return how many lines of a picture are read exactly, by their position, and how many there are."""
    label, predicted = result.picture.label.split(), result.predictions[method].text.split()
    return sum(line == true for line, true in zip(predicted, label, strict=False)), len(label)


def sources(found: Iterable[tuple[PictureSet, Path]]) -> str:
    """Return the origin, commit, description and labeling of each set as a Markdown table."""
    rows = [["set", "commit", "what", "label"]]
    for known, folder in found:
        rule = "read by a person" if isinstance(known.label, dict) else _RULES[known.label]
        rows.append([f"{known.name}, {known.kind}", f"`{commit(folder)[:12]}`", known.what, rule])
    return markdown_table(rows)


def write_docs(
    table: str, found: Sequence[tuple[PictureSet, Path]], methods: Sequence[str], sets: str = "used"
) -> None:
    """Write table and sources into docs/results/pictures.md if exactly all sets and methods were measured.

    The sets of pages.yaml have no section there.
    """
    complete = tuple(methods) == tuple(METHODS) and [known for known, _ in found] == known_sets(sets)
    if sets == "pages" or not complete:
        print(
            f"{PICTURES} is unchanged: it is written only if exactly all sets and methods were measured, "
            "and not for pages.",
            file=sys.stderr,
        )
        return
    unseen = "unseen " if sets == "unseen" else ""
    write_section(f"benchmark {unseen}pictures", table, PICTURES)
    write_section(f"{unseen}picture sets", sources(found), PICTURES)


def write_json(measured: Measured, path: Path) -> None:
    """Write the prediction of each method for each picture."""
    rows = [
        {
            "set": known.name,
            "kind": known.kind,
            "file": result.picture.file,
            "label": result.picture.label,
            "predictions": {name: vars(prediction) for name, prediction in result.predictions.items()},
        }
        for known, results in measured
        for result in results
    ]
    path.write_text(json.dumps(rows, indent=1))


def error_sheet(measured: Measured, method: str, path: Path, side: int = 180) -> None:
    """Draw the pictures that a method got wrong, each with its set, file, label and prediction."""
    results = [result for known, of_set in measured if known.kind != "benchmark" for result in of_set]
    wrong = [result for result in results if not result.correct(method)]
    per_row, cell = 8, (side + 8, side + 46)
    size = (per_row * cell[0], max(1, -(-len(wrong) // per_row)) * cell[1])
    sheet = Image.new(
        "RGB", size, (150, 180, 210)
    )  # neither paper nor ink, so that the edges of pictures are visible
    draw = ImageDraw.Draw(sheet)
    for number, result in enumerate(wrong):
        x, y = number % per_row * cell[0], number // per_row * cell[1]
        picture = result.picture
        resized = ImageOps.contain(gray_image(picture.source), (side, side), Image.Resampling.BOX)
        sheet.paste(resized, (x, y))
        predicted = result.predictions[method]
        error = f"{picture.label[:11]} read {predicted.text[:11] or 'nothing'} {predicted.confidence:.2f}"
        for line, text in enumerate((picture.set[:30], picture.file[-30:], error)):
            draw.text((x, y + side + 13 * line), text, fill=(0, 0, 0))
    sheet.save(path)


def pictures(
    folders: list[Path],
    methods: Sequence[str] = tuple(METHODS),
    baseline_weights: Path | None = None,
    weights: Path | None = None,
    output: Path | None = None,
    errors: Path | None = None,
    sets: str = "used",
) -> None:
    """Measure methods on the pictures in some folders, print a table and write the files that are asked for.

    Args:
        folders: snapshots of repositories.
        methods: names in METHODS.
        baseline_weights: checkpoint of the published recipe; None takes the newest run of it.
        weights: checkpoint for digitrec; None takes the pretrained weights.
        output: a JSON file with the predictions for each picture.
        errors: a picture of the errors of the last method.
        sets: a key of ``picture_sets.sets.FILES``.

    Raises:
        LabelError: see ``measure``; or predictions for single unseen pictures are asked for.
    """
    if sets == "unseen" and (output or errors):
        raise LabelError("Unseen pictures stay unseen: use neither --output nor --errors.")
    found = found_sets(folders, sets)
    measured = measure(found, build_methods(methods, baseline_weights, weights))
    for known, folder in found:
        print(f"{known.name}: {commit(folder)}")
    table = tables(measured, methods, pool_only=sets == "unseen")
    print(f"\n{table}")
    if output:
        write_json(measured, output)
    if errors:
        error_sheet(measured, methods[-1], errors)
    write_docs(table, found, methods, sets)
