"""Read the digits in pictures. Files, folders and patterns such as scans/*.png are read on all cores."""

import argparse
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from tqdm import tqdm

from digitrec.arguments import Parser
from digitrec.errors import DigitrecError, PictureError
from digitrec.exit_status import reporting
from digitrec.files import replacing_text
from digitrec.reading.cores import processors
from digitrec.reading.onnx_networks import open_reader
from digitrec.reading.output import PictureOutput
from digitrec.reading.pictures.files import find
from digitrec.reading.pictures.loading import load
from digitrec.reading.pictures.page import Page
from digitrec.reading.results import Reading
from digitrec.runs import named_checkpoint

AHEAD = 2
"""Pictures for each process that are read ahead: none waits for the next, and few pages are in memory."""


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: its page and reading, or the error."""

    path: Path
    page: Page | None = None
    reading: Reading | None = None
    error: str | None = None


class PictureReader:
    """Read pictures one by one; each process has its own, as a reader cannot be sent to another."""

    of_process: ClassVar["PictureReader"]

    def __init__(self, weights: Path, threshold: float | None) -> None:
        self.reader = open_reader(weights)
        self.threshold = threshold

    def read(self, path: Path) -> Outcome:
        """Read a picture; an error becomes part of the outcome."""
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
    weights = named_checkpoint(options.weights)
    outcomes = _outcomes(paths, weights, options.threshold)
    bar = tqdm(outcomes, total=len(paths), unit="picture", leave=False, disable=None)
    failed = _write(bar, options)
    if failed:
        print(f"digitrec: {failed} of {len(paths)} pictures could not be read.", file=sys.stderr)
    return 1 if failed else 0


def _outcomes(paths: Sequence[Path], weights: Path, threshold: float | None) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the pictures; all cores read several."""
    reader = PictureReader(
        weights, threshold
    )  # also before the processes: an error of the weights comes once
    workers = min(len(paths) - 1, processors())
    if not workers:
        yield from map(reader.read, paths)
        return
    pool = ProcessPoolExecutor(workers, initializer=_start, initargs=(weights, threshold))
    pending: deque[Future[Outcome]] = deque()
    try:
        for path in paths:
            pending.append(pool.submit(_read, path))
            if len(pending) > AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise DigitrecError("A process that reads pictures was killed: is there enough memory?") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start(weights: Path, threshold: float | None) -> None:
    """Prepare a process of the pool; the first process handles Ctrl-C and SIGTERM for all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    PictureReader.of_process = PictureReader(weights, threshold)


def _end_with_parent() -> None:
    """End this process when the first one is gone: a killed one cannot tell it to."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(path: Path) -> Outcome:
    return PictureReader.of_process.read(path)


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
