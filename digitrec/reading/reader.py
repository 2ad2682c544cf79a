"""Reader: pictures in, digits out, each with its place and a confidence; what Python users import."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitrec.models.checkpoints import PRETRAINED, THRESHOLD, read_checkpoint
from digitrec.models.normalization import normalize
from digitrec.reading.loading import Page, load
from digitrec.reading.segmentation.segment import Crop, find_digits, images_of
from digitrec.reading.segmentation.small import is_small
from digitrec.training.classifier import DigitClassifier


@dataclass(frozen=True)
class Digit:
    """One digit of a picture.

    digit: ``0`` to ``9``, or ``?`` where the confidence is below the threshold.
    confidence: of the most probable digit, 0 to 1.
    probabilities: of 0 to 9, summing to 1.
    box: x, y, width, height in the picture's own pixels.
    line, position: reading order, both from 0.
    image: uint8 (28, 28), white on black, what the network saw.
    """

    digit: str
    confidence: float
    probabilities: tuple[float, ...]
    box: tuple[int, int, int, int]
    line: int
    position: int
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Reading:
    """What a picture says: its digits in reading order, and as text with a line break after each line."""

    digits: tuple[Digit, ...]

    @property
    def text(self) -> str:
        """The digits, line by line; empty for an empty page."""
        lines: dict[int, str] = {}
        for digit in self.digits:
            lines[digit.line] = lines.get(digit.line, "") + digit.digit
        return "\n".join(lines.values())

    @property
    def confidence(self) -> float:
        """The lowest confidence of a digit, 0 to 1; 0 for an empty page."""
        return min((digit.confidence for digit in self.digits), default=0.0)


class Reader:
    """Reads the digits in pictures.

    Args:
        classifier: a trained model; it is put into evaluation mode and used on the device that it is on.
    """

    def __init__(self, classifier: DigitClassifier) -> None:
        self.classifier = classifier.eval()

    @classmethod
    def pretrained(cls) -> "Reader":
        """The reader with the weights that come with digitrec."""
        return cls.from_checkpoint(PRETRAINED)

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> "Reader":
        """The reader with the weights of a checkpoint that digitrec wrote.

        Raises:
            CheckpointError: there is no such checkpoint, or it must not be loaded.
        """
        read_checkpoint(Path(path))  # refuses what could run code
        return cls(DigitClassifier.load_from_checkpoint(path, map_location="cpu", weights_only=True))

    def read(self, picture: Any, threshold: float = THRESHOLD) -> Reading:
        """Read one picture.

        Args:
            picture: a path, the bytes of a file, a PIL image, or an array as pictures.load takes it.
            threshold: confidence below which a digit is ``?``, 0 to 1.

        Raises:
            PictureError: the picture cannot be read; the message names it and says why.
        """
        page = load(picture)
        crops = find_digits(page.pixels)
        images = images_of(crops)
        with torch.inference_mode():
            inputs = normalize(torch.from_numpy(images).to(self.classifier.device))
            probabilities = self.classifier(inputs).exp().cpu()
        return reading(page, crops, probabilities, threshold)

    def read_all(self, pictures: Iterable[Any], threshold: float = THRESHOLD) -> Iterator[Reading]:
        """Read pictures one after the other, as read does."""
        return (self.read(picture, threshold) for picture in pictures)


def reading(page: Page, crops: Sequence[Crop], probabilities: Tensor, threshold: float) -> Reading:
    """Say what a page reads, given the probabilities (n, 10) of ``images_of`` its crops.

    Where a crop may be several touching digits, they are taken if the network is surer of each of them; where
    its pieces do not touch, if it is surer of the largest of them. Of several ways to see the page the one is
    taken in which most is likely to be a digit, and least is not; of a small page, seen as light on dark and
    as dark on light, the one whose least likely digit is likelier, since ground in pieces may read as two,
    and the less likely of them only where it has no ``?``.
    """
    rows = iter(probabilities.tolist())
    ways: dict[int, list[Digit]] = {}
    positions: dict[tuple[int, int], int] = {}
    for crop in crops:
        whole, *pieces = [(each, next(rows)) for each in (crop, *crop.pieces)]
        for each, row in pieces if _are_several(whole, pieces) else [whole]:
            position = positions.get((crop.way, crop.line), 0)
            positions[crop.way, crop.line] = position + 1
            confidence = max(row)
            digit = str(row.index(confidence)) if confidence >= threshold else "?"
            left, top, width, height = (round(side * page.scale) for side in each.box)
            box = left, top, max(1, width), max(1, height)
            read = Digit(digit, confidence, tuple(row), box, crop.line, position, each.image)
            ways.setdefault(crop.way, []).append(read)
    if not is_small(page.pixels):
        return Reading(tuple(max(ways.values(), key=_clearness, default=[])))
    sure = [digits for way, digits in ways.items() if way == 0 or all(each.digit != "?" for each in digits)]
    return Reading(tuple(max(sure, key=_least_confidence, default=[])))


def _least_confidence(digits: Iterable[Digit]) -> float:
    return min(digit.confidence for digit in digits)


def _clearness(digits: Iterable[Digit]) -> float:
    """How well a page reads in one way: what is likelier a digit than not counts for it, else against it."""
    return sum(digit.confidence - 0.5 for digit in digits)


def _are_several(whole: tuple[Crop, list[float]], pieces: Sequence[tuple[Crop, list[float]]]) -> bool:
    """Whether the pieces of a crop are digits by themselves, each given with its probabilities."""
    if not pieces:
        return False
    if whole[0].loose:
        sure = max(max(pieces, key=lambda piece: max(piece[0].box[2:]))[1])
    else:
        sure = min(max(row) for _, row in pieces)
    return sure > max(whole[1])
