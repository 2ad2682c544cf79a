"""What is read in a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
