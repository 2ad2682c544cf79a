"""How often each road reads people's own digits right: measured, printed, written into docs/pictures.md."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps
from torch import nn

from digitrec.models.checkpoints import load_classifier
from scripts.lib.baselines import Read, Road, grey_image, newest_run, ours, published, usual
from scripts.lib.docs import write_section
from scripts.lib.picture_sets.sets import LabelError, Picture, PictureSet, commit, found_sets, known_sets

DOCS = Path("docs/pictures.md")
CONFIG = Path("configs/mlp.yaml")  # the published recipe
ROADS = {
    "published": "published predict.py",
    "usual": "usual cure",
    "usual-ours": "usual cure, our weights",
    "ours": "ours",
}
_RULES = {
    "first": "the first character of the file's name",
    "last": "the last character of the file's name",
    "word": "the English word in the file's name",
    "folder": "the folder's name",
    "only": "the digit or word in the file's name, or the folder's",
    "usps": "the file's own",
    "uci": "the file's own",
}


@dataclass(frozen=True)
class Result:
    """A picture, and what each road read."""

    picture: Picture
    reads: dict[str, Read]

    def right(self, road: str) -> bool:
        return self.reads[road].text == self.picture.label

    def refused(self, road: str) -> bool:
        return "?" in self.reads[road].text


Measured = list[tuple[PictureSet, list[Result]]]


def choose_roads(
    names: Sequence[str], published_weights: Path | None, our_weights: Path | None
) -> dict[str, Road]:
    """Build the roads that are asked for, each with its weights.

    Raises:
        CheckpointError: no run of the published recipe, or no checkpoint where one is named.
    """
    roads: dict[str, Road] = {}
    theirs: nn.Module | None = None
    if {"published", "usual"} & set(names):
        checkpoint = published_weights or newest_run(CONFIG)
        print(f"published weights: {checkpoint}", file=sys.stderr)
        theirs = load_classifier(checkpoint).network
    for name in names:
        if name in ("published", "usual"):
            assert theirs is not None
            roads[name] = {"published": published, "usual": usual}[name](theirs)
        else:
            from digitrec.reading.reader import Reader

            reader = Reader.from_checkpoint(our_weights) if our_weights else Reader.pretrained()
            roads[name] = ours(reader) if name == "ours" else usual(reader.classifier.network)
    return roads


def measure(found: Iterable[tuple[PictureSet, Path]], roads: dict[str, Road]) -> Measured:
    """Read every picture of some sets on every road.

    Raises:
        LabelError: a picture without a label, or one that cannot be read.
    """
    measured = []
    for known, folder in found:
        results = []
        for picture in known.pictures(folder):
            try:
                reads = {name: road(picture.source) for name, road in roads.items()}
            except (OSError, ValueError) as error:
                raise LabelError(f"{folder / picture.file} cannot be read: {error}") from error
            results.append(Result(picture, reads))
        print(f"{known.name}: {len(results)}", file=sys.stderr)
        measured.append((known, results))
    return measured


def tables(measured: Measured, roads: Sequence[str], pool_only: bool = False) -> str:
    """The accuracies as Markdown: single digits and their pool, rows, other benchmarks; or pools alone."""
    parts = []
    for kind, title in (("single", "Single digits"), ("row", "Rows, read exactly"), ("beside", "Beside")):
        of_kind = [(known.name, results) for known, results in measured if known.kind == kind]
        if not of_kind:
            continue
        if pool_only:
            pool = f"**pooled**, {len(of_kind)} sets"
            of_kind = [(pool, [result for _, results in of_kind for result in results])]
        elif kind != "beside":
            of_kind.append(("**pooled**", [result for _, results in of_kind for result in results]))
        head = [title, "pictures", *(ROADS[road] for road in roads), *_own_columns(roads, kind)]
        lines = [f"| {' | '.join(head)} |", f"|---{'|---:' * (len(head) - 1)}|"]
        lines += [f"| {' | '.join(_row(name, results, roads, kind))} |" for name, results in of_kind]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _own_columns(roads: Sequence[str], kind: str) -> list[str]:
    """What only our road can do: refuse, and read lines."""
    return ["refused", *(["lines exact"] if kind == "row" else [])] if "ours" in roads else []


def _row(name: str, results: list[Result], roads: Sequence[str], kind: str) -> list[str]:
    def share(counts: Iterable[bool]) -> str:
        return f"{sum(counts) / len(results):.1%}"

    cells = [name, f"{len(results):,}"]
    if kind == "row":
        cells += [str(sum(result.right(road) for result in results)) for road in roads]
    else:
        cells += [share(result.right(road) for result in results) for road in roads]
    if "ours" in roads:
        cells.append(share(result.refused("ours") for result in results))
    if "ours" in roads and kind == "row":
        right, count = zip(*(_lines(result, "ours") for result in results), strict=True)
        cells.append(f"{sum(right)} of {sum(count)}")
    return cells


def _lines(result: Result, road: str) -> tuple[int, int]:
    """How many lines were read exactly, each compared with the one of its place, and how many there are."""
    label, read = result.picture.label.split(), result.reads[road].text.split()
    return sum(given == true for given, true in zip(read, label, strict=False)), len(label)


def sources(found: Iterable[tuple[PictureSet, Path]]) -> str:
    """Where the pictures are from, their commits and how they are labelled, as Markdown."""
    lines = ["| set | commit | what | label |", "|---|---|---|---|"]
    for known, folder in found:
        rule = "by eye" if isinstance(known.label, dict) else _RULES[known.label]
        lines.append(f"| {known.name}, {known.kind} | `{commit(folder)[:12]}` | {known.what} | {rule} |")
    return "\n".join(lines)


def write_docs(
    table: str, found: Sequence[tuple[PictureSet, Path]], roads: Sequence[str], sets: str = "used"
) -> None:
    """Write table and sources into docs/pictures.md, if nothing is missing: every set and road, no others."""
    if tuple(roads) != tuple(ROADS) or [known for known, _ in found] != known_sets(sets):
        print(f"{DOCS} is left as it is: it holds all sets and roads, and no others.", file=sys.stderr)
        return
    unseen = "unseen " if sets == "unseen" else ""
    write_section(f"benchmark {unseen}pictures", table, DOCS)
    write_section(f"{unseen}picture sets", sources(found), DOCS)


def write_json(measured: Measured, path: Path) -> None:
    """Write what each road read of each picture, and how sure it was."""
    rows = [
        {
            "set": known.name,
            "kind": known.kind,
            "file": result.picture.file,
            "label": result.picture.label,
            "roads": {name: vars(read) for name, read in result.reads.items()},
        }
        for known, results in measured
        for result in results
    ]
    path.write_text(json.dumps(rows, indent=1))


def error_sheet(measured: Measured, road: str, path: Path, side: int = 180) -> None:
    """Draw people's pictures that a road got wrong, each with its set, file, label and what was read."""
    people = [result for known, results in measured if known.kind != "beside" for result in results]
    wrong = [result for result in people if not result.right(road)]
    per_row, cell = 8, (side + 8, side + 46)
    size = (per_row * cell[0], max(1, -(-len(wrong) // per_row)) * cell[1])
    sheet = Image.new("RGB", size, (150, 180, 210))  # neither paper nor ink: the pictures' edges are seen
    draw = ImageDraw.Draw(sheet)
    for number, result in enumerate(wrong):
        x, y = number % per_row * cell[0], number // per_row * cell[1]
        picture = result.picture
        grown = ImageOps.contain(grey_image(picture.source), (side, side), Image.Resampling.BOX)
        sheet.paste(grown, (x, y))
        read = result.reads[road]
        said = f"{picture.label[:11]} read {read.text[:11] or 'nothing'} {read.confidence:.2f}"
        for line, text in enumerate((picture.set[:30], picture.file[-30:], said)):
            draw.text((x, y + side + 13 * line), text, fill=(0, 0, 0))
    sheet.save(path)


def pictures(
    folders: list[Path],
    roads: Sequence[str] = tuple(ROADS),
    published_weights: Path | None = None,
    our_weights: Path | None = None,
    output: Path | None = None,
    errors: Path | None = None,
    sets: str = "used",
) -> None:
    """Measure the roads on the pictures in some folders; print, and write what is asked for.

    Raises:
        LabelError: as `measure`, or what was read of each unseen picture is asked for.
    """
    if sets == "unseen" and (output or errors):
        raise LabelError("Unseen pictures stay unseen: leave out --output and --errors.")
    found = found_sets(folders, sets)
    measured = measure(found, choose_roads(roads, published_weights, our_weights))
    for known, folder in found:
        print(f"{known.name}: {commit(folder)}")
    table = tables(measured, roads, pool_only=sets == "unseen")
    print(f"\n{table}")
    if output:
        write_json(measured, output)
    if errors:
        error_sheet(measured, roads[-1], errors)
    write_docs(table, found, roads, sets)
