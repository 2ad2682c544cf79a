"""Accuracy of each method on public pictures of handwritten digits: ``benchmark pictures``."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from scripts.lib.baselines import DEFAULT, METHODS, Method, build_methods, gray_image
from scripts.lib.docs import PICTURES, markdown_table, write_section
from scripts.lib.picture_sets.sets import (
    PAGE_KINDS,
    LabelError,
    PictureSet,
    commit,
    found_sets,
    known_sets,
)
from scripts.lib.picture_tables import Measured, Result, tables
from scripts.lib.readers import CURRENT, readers

_RULES = {
    "first": "the first character of the file's name",
    "last": "the last character of the file's name",
    "word": "the English word in the file's name",
    "folder": "the folder's name",
    "only": "the digit or word in the file's name, or the folder's",
    "usps": "in the file",
    "uci": "in the file",
}


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
            results.append(Result(picture, predictions, signs=known.kind in PAGE_KINDS))
        print(f"{known.name}: {len(results)}", file=sys.stderr)
        measured.append((known, results))
    return measured


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

    Pages need readers only; the previous reader is needed nowhere.
    """
    needed = {CURRENT} if sets == "pages" else set(DEFAULT)
    if not needed <= set(methods) or [known for known, _ in found] != known_sets(sets):
        print(
            f"{PICTURES} is unchanged: it is written only if exactly all sets and methods were measured.",
            file=sys.stderr,
        )
        return
    name = {"used": "picture", "unseen": "unseen picture", "pages": "page"}[sets]
    write_section(f"benchmark {name}s", table, PICTURES)
    write_section(f"{name} sets", sources(found), PICTURES)


def write_json(measured: Measured, path: Path) -> None:
    """Write the prediction of each method for each picture."""
    rows = [
        {
            "set": known.name,
            "kind": known.kind,
            "file": result.picture.file,
            "label": result.picture.label,
            "predictions": {name: vars(read) for name, read in result.predictions.items()},
            "scores": {name: vars(result.score(name)) for name in result.predictions},
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
    methods: Sequence[str] | None = None,
    baseline_weights: Path | None = None,
    weights: Path | None = None,
    output: Path | None = None,
    errors: Path | None = None,
    sets: str = "used",
    previous: Path | None = None,
) -> None:
    """Measure methods on the pictures in some folders, print a table and write the files that are asked for.

    Args:
        folders: snapshots of repositories.
        methods: names in METHODS; None takes all for single digits and rows, and digitrec for pages.
        baseline_weights: checkpoint of the published recipe; None takes the newest run of it.
        weights: checkpoint for digitrec; None takes the pretrained weights.
        output: a JSON file with the predictions for each picture.
        errors: a picture of the errors of the last method.
        sets: a key of ``picture_sets.sets.FILES``.
        previous: a clone at another commit, whose reader is compared.

    Raises:
        LabelError: see ``measure``; or predictions for single unseen pictures are asked for.
    """
    if sets == "unseen" and (output or errors):
        raise LabelError("Unseen pictures stay unseen: use neither --output nor --errors.")
    found = found_sets(folders, sets)
    with readers(weights, previous) as compared:
        wanted = {*(methods or ([CURRENT] if sets == "pages" else DEFAULT)), *(compared.keys() - {CURRENT})}
        chosen = [name for name in METHODS if name in wanted]
        measured = measure(found, build_methods(chosen, baseline_weights, weights, compared))
    for known, folder in found:
        print(f"{known.name}: {commit(folder)}")
    table = tables(measured, chosen, pool_only=sets == "unseen")
    print(f"\n{table}")
    if output:
        write_json(measured, output)
    if errors:
        error_sheet(measured, chosen[-1], errors)
    write_docs(table, found, chosen, sets)
