"""Readers to compare: the one of this tree, and one of another commit in a process of its own."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from digitrec.errors import CheckpointError
from scripts.lib.strokes import Box

WORKER = Path(__file__).with_name("reader_worker.py")

PREVIOUS, CURRENT = "previous", "digitrec"
"""Names of the reader of another commit and of the one of this tree."""


@dataclass(frozen=True)
class ReadDigit:
    """A digit or ``?`` that a reader found: what benchmarks need of ``digitrec.reading.results.Digit``."""

    digit: str
    confidence: float
    box: Box
    line: int = 0
    position: int = 0


Read = Callable[[Any], list[ReadDigit]]
"""Reads a picture: a path, a PIL image or an array."""


@contextmanager
def readers(weights: Path | None = None, previous: Path | None = None) -> Iterator[dict[str, Read]]:
    """Yield readers by their names, in the order of the columns.

    Args:
        weights: a checkpoint for the classifier of this tree's reader; None takes the pretrained weights.
        previous: a clone of this repository at another commit, whose reader is compared.

    Raises:
        CheckpointError: the checkpoint cannot be loaded, or the clone's reader does not start.
    """
    from digitrec.reading.reader import Reader

    reader = Reader.from_checkpoint(weights) if weights else Reader.pretrained()

    def read(picture: Any) -> list[ReadDigit]:
        return [
            ReadDigit(each.digit, float(each.confidence), each.box, each.line, each.position)
            for each in reader.read(picture).digits
        ]

    if previous is None:
        yield {CURRENT: read}
        return
    with _reader_of(previous.resolve()) as other:
        yield {PREVIOUS: other, CURRENT: read}


@contextmanager
def _reader_of(clone: Path) -> Iterator[Read]:
    """Yield the reader of another clone; its process ends with the context."""
    command = [sys.executable, "-P", str(WORKER)]
    environment = os.environ | {"PYTHONPATH": str(clone)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=clone
    ) as process:
        assert process.stdin
        assert process.stdout
        pictures, answers = process.stdin, process.stdout
        module = answers.readline()
        if not module or not Path(json.loads(module)).is_relative_to(clone):
            process.kill()
            raise CheckpointError(f"{clone} is no clone of digitrec whose reader starts.")

        def read(picture: Any) -> list[ReadDigit]:
            source = picture.resolve() if isinstance(picture, Path) else picture
            pictures.write(pickle.dumps(source))
            pictures.flush()
            answer = answers.readline()
            if not answer:
                raise ValueError(f"the reader of {clone} ended")
            return [
                ReadDigit(digit, sure, tuple(box), *rest) for digit, sure, box, *rest in json.loads(answer)
            ]

        yield read


def text_of(digits: Sequence[ReadDigit]) -> tuple[str, tuple[float, ...]]:
    """Return the text, lines separated by a space, and the confidence of each character."""
    ordered = sorted(digits, key=lambda digit: (digit.line, digit.position))
    lines = groupby(ordered, key=lambda digit: digit.line)
    text = " ".join("".join(digit.digit for digit in line) for _, line in lines)
    return text, tuple(digit.confidence for digit in ordered)
