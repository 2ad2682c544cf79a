"""Read the digits in pictures. Files, folders and patterns such as scans/*.png are read on all cores."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from digitrec.arguments import Parser
from digitrec.errors import PictureError
from digitrec.exit_status import reporting
from digitrec.files import replacing_text
from digitrec.reading.cores import processors
from digitrec.reading.output import PictureOutput
from digitrec.reading.pictures.files import find
from digitrec.reading.pictures.loading import load
from digitrec.reading.pictures.page import Page
from digitrec.reading.reader import Reader
from digitrec.reading.results import Reading
from digitrec.runs import named_checkpoint


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: its page and reading, or the error."""

    path: Path
    page: Page | None = None
    reading: Reading | None = None
    error: str | None = None


class Outcomes(Dataset[Outcome]):
    """The outcomes of pictures; each is read when it is asked for, in any process."""

    def __init__(self, paths: Sequence[Path], reader: Reader, threshold: float | None) -> None:
        self.paths = paths
        self.reader = reader
        self.threshold = threshold

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Outcome:
        path = self.paths[index]
        try:
            page = load(path)
        except PictureError as error:
            return Outcome(path, error=str(error))
        return Outcome(path, page, self.reader.read_page(page, self.threshold))


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Run ``digitrec read``.

    Returns:
        The exit status: 0, or 1 if a picture could not be read.
    """
    options = _parser().parse_args(args)
    paths = find(options.pictures)
    reader = Reader.from_checkpoint(named_checkpoint(options.weights))
    outcomes: Iterable[Outcome] = DataLoader(
        Outcomes(paths, reader, options.threshold),
        batch_size=None,
        num_workers=min(len(paths) - 1, processors()),
    )
    failed = _write(tqdm(outcomes, unit="picture", leave=False, disable=None), options)
    if failed:
        print(f"digitrec: {failed} of {len(paths)} pictures could not be read.", file=sys.stderr)
    return 1 if failed else 0


def _write(outcomes: Iterable[Outcome], options: argparse.Namespace) -> int:
    """Print and write what is read; return how many pictures could not be read."""
    failed, annotated = 0, 0
    readings: list[dict[str, Any]] = []
    with ExitStack() as files:
        rows, tree = (files.enter_context(_opened(path)) for path in (options.csv, options.json))
        output = PictureOutput(rows, options.annotate)
        for each in outcomes:
            result: dict[str, Any] = {"picture": str(each.path)}
            if each.page is None or each.reading is None:
                failed += 1
                tqdm.write(f"digitrec: {each.error}", file=sys.stderr)
                readings.append({**result, "error": each.error})
                continue
            annotated += 1
            tqdm.write(output.write(each.path, each.page, each.reading))
            readings.append({**result, **each.reading.to_dict()})
        if tree:
            json.dump(readings, tree, indent=1, allow_nan=False)
            tree.write("\n")
    written = options.csv, options.json, options.annotate if annotated else None
    if any(written):
        print(f"Written: {', '.join(str(path) for path in written if path)}")
    return failed


def _opened(path: Path | None) -> AbstractContextManager[TextIOWrapper | None]:
    if path is None:
        return nullcontext()
    path.parent.mkdir(parents=True, exist_ok=True)
    return replacing_text(path)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="digitrec read", description=__doc__)
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="a file, a folder or a pattern")
    parser.add_argument("--weights", default="pretrained", help="pretrained, best, last or a checkpoint file")
    text = "confidence, 0 to 1, below which a digit is ?; default: that of the weights"
    parser.add_argument("--threshold", type=_share, help=text)
    text = "write a copy of each picture with its digits in boxes"
    parser.add_argument("--annotate", type=Path, metavar="FOLDER", help=text)
    for name, text in (("csv", "write a row for each digit"), ("json", "write all readings")):
        parser.add_argument(f"--{name}", type=_named(f".{name}"), metavar=f"FILE.{name}", help=text)
    return parser


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return share


def _named(suffix: str) -> Any:
    """Return a type of files that refuses another suffix: the next picture is not to be overwritten."""

    def path(text: str) -> Path:
        if Path(text).suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"{text} does not end in {suffix}")
        return Path(text)

    return path


if __name__ == "__main__":
    raise SystemExit(main())
