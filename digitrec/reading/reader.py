"""Reader: finds and recognizes the digits in a picture, with their boxes and confidences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.models.pretrained import PRETRAINED, SIDE
from digitrec.reading.cores import one_thread
from digitrec.reading.detection.hypotheses import Found
from digitrec.reading.detection.lines import in_lines
from digitrec.reading.detection.page_detector import PageDetector
from digitrec.reading.pictures.loading import load
from digitrec.reading.pictures.page import Page
from digitrec.reading.results import Digit, Reading
from digitrec.reading.turns import most_upright

MARK = 0.15
"""Probability of being a digit, below which a mark is ``?`` at any threshold."""


class Classifier(Protocol):
    """What recognizes digits: a Recognizer, or the same in ONNX Runtime."""

    threshold: float

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (n, 10) of images (n, 28, 28), white on black."""
        ...


class Reader:
    """Find and recognize the digits in pictures.

    Args:
        classifier: recognizes the digits, such as a Recognizer, on the device that it is on.
        detector: finds them, on the CPU; None takes the pretrained one.
    """

    def __init__(self, classifier: Classifier, detector: PageDetector | None = None) -> None:
        if not hasattr(classifier, "classify"):
            raise TypeError(
                "Reader takes a Recognizer: use Reader.from_checkpoint(path), or model.recognizer() of a "
                "DigitClassifier."
            )
        self.classifier = classifier
        self.detector = detector or PageDetector()

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
        from digitrec.models.checkpoints import load_classifier  # with PyTorch

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
        return self.read_page(load(picture), threshold)

    def read_page(self, page: Page, threshold: float | None = None) -> Reading:
        """Read a picture that is loaded; see ``read``."""
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold must be 0 to 1, not {threshold}")
        with one_thread():
            (found,) = self.detector.find([page.pixels])
            images, classify = images_of(found), self.classifier.classify
            probabilities, turns = most_upright(images, classify(images), classify)
        return assemble(
            page, found, probabilities, turns, self.classifier.threshold if threshold is None else threshold
        )


def images_of(found: Sequence[Found]) -> NDArray[np.uint8]:
    """Return the images of digits and marks: uint8 (n, 28, 28)."""
    return np.stack([np.zeros((SIDE, SIDE), np.uint8), *(each.image for each in found)])[1:]


def assemble(
    page: Page, found: Sequence[Found], probabilities: NDArray[np.float32], turns: int, threshold: float
) -> Reading:
    """Put what is found on a page into reading order.

    The confidence is the probability that it is a digit at all times that of the most probable digit. So
    both a mark and a digit that the classifier doubts are ``?``.

    Args:
        page: where it is found.
        found: as ``PageDetector.find`` returns it.
        probabilities: (n, 10), of ``images_of(found)``.
        turns: by how many quarters the page must be turned, counter-clockwise, to be upright.
        threshold: confidence, 0 to 1, below which a digit is ``?``.
    """
    rows = probabilities.tolist()
    digits = []
    for line, numbers in enumerate(in_lines([each.box for each in found], turns)):
        for position, number in enumerate(numbers):
            each, row = found[number], tuple(rows[number])
            confidence = each.digit * max(row)
            named = confidence >= threshold and each.digit >= MARK
            digit = str(row.index(max(row))) if named else "?"
            left, top, width, height = (round(side * page.scale) for side in each.box)
            box = left, top, max(1, width), max(1, height)
            image = np.rot90(each.image, turns)
            digits.append(Digit(digit, confidence, row, box, line, position, image))
    return Reading(tuple(digits))
