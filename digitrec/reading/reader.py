"""Reader: finds and recognizes the digits in a picture, with their boxes and confidences."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from digitrec.models.checkpoints import PRETRAINED, load_classifier
from digitrec.models.recognizer import Recognizer
from digitrec.reading.pictures.loading import load
from digitrec.reading.pictures.page import Page
from digitrec.reading.results import Digit, Reading
from digitrec.reading.segmentation.segment import Crop, find_digits, images_of
from digitrec.reading.segmentation.small import is_small


class Reader:
    """Find and recognize the digits in pictures.

    Args:
        classifier: recognizes the digits; it is used on the device that it is on.
    """

    def __init__(self, classifier: Recognizer) -> None:
        if not isinstance(classifier, Recognizer):
            raise TypeError(
                "Reader takes a Recognizer: use Reader.from_checkpoint(path), or model.recognizer() of a "
                "DigitClassifier."
            )
        self.classifier = classifier

    @classmethod
    def pretrained(cls) -> "Reader":
        """Return a reader with the pretrained weights."""
        return cls.from_checkpoint(PRETRAINED)

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> "Reader":
        """Return a reader with the weights of a checkpoint of digitrec.

        Raises:
            CheckpointError: there is no such checkpoint, or it is refused.
        """
        return cls(load_classifier(path))

    def read(self, picture: Any, threshold: float | None = None) -> Reading:
        """Read one picture.

        Args:
            picture: a path, the bytes of a file, an open binary file, a PIL image, or an array as
                ``loading.load`` takes it.
            threshold: confidence, 0 to 1, below which a digit is ``?``; None takes the classifier's.

        Raises:
            ValueError: the threshold is not 0 to 1.
            PictureError: the picture cannot be read; the message names it and says why.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold must be 0 to 1, not {threshold}")
        page = load(picture)
        crops = find_digits(page.pixels)
        probabilities = self.classifier.probabilities(torch.from_numpy(images_of(crops)))
        return assemble(
            page, crops, probabilities, self.classifier.threshold if threshold is None else threshold
        )


def assemble(page: Page, crops: Sequence[Crop], probabilities: Tensor, threshold: float) -> Reading:
    """Choose among the hypotheses that the crops of a page stand for.

    A crop that may be several touching digits is split if the network is more confident of each of the
    splits; if they do not touch, if it is more confident of the largest. Of several hypotheses about the
    whole page the one with the highest sum of (confidence - 0.5) is taken. A small page is read as dark on
    light and as light on dark: the one whose lowest confidence is higher is taken, the less likely of them
    only where it has no ``?``.

    Args:
        page: where the crops are.
        crops: as ``find_digits`` returns them.
        probabilities: (n, 10), of ``images_of(crops)``.
        threshold: confidence, 0 to 1, below which a digit is ``?``.
    """
    rows = iter(probabilities.tolist())
    hypotheses: dict[int, list[Digit]] = {}
    positions: dict[tuple[int, int], int] = {}
    for crop in crops:
        whole, *splits = [(each, next(rows)) for each in (crop, *crop.pieces)]
        for each, row in splits if _are_several(whole, splits) else [whole]:
            position = positions.get((crop.way, crop.line), 0)
            positions[crop.way, crop.line] = position + 1
            confidence = max(row)
            digit = str(row.index(confidence)) if confidence >= threshold else "?"
            left, top, width, height = (round(side * page.scale) for side in each.box)
            box = left, top, max(1, width), max(1, height)
            read = Digit(digit, confidence, tuple(row), box, crop.line, position, each.image)
            hypotheses.setdefault(crop.way, []).append(read)
    if not is_small(page.pixels):
        return Reading(tuple(max(hypotheses.values(), key=_score, default=[])))
    candidates = [
        digits for way, digits in hypotheses.items() if way == 0 or all(each.digit != "?" for each in digits)
    ]
    return Reading(tuple(max(candidates, key=_lowest_confidence, default=[])))


def _lowest_confidence(digits: Iterable[Digit]) -> float:
    return min(digit.confidence for digit in digits)


def _score(digits: Iterable[Digit]) -> float:
    """Score a hypothesis: digits with a confidence above 0.5 count for it, the others against it."""
    return sum(digit.confidence - 0.5 for digit in digits)


def _are_several(whole: tuple[Crop, list[float]], splits: Sequence[tuple[Crop, list[float]]]) -> bool:
    """Return whether a crop is several digits; it and its splits come with their probabilities."""
    if not splits:
        return False
    if whole[0].loose:
        confidence = max(max(splits, key=lambda split: max(split[0].box[2:]))[1])
    else:
        confidence = min(max(row) for _, row in splits)
    return confidence > max(whole[1])
