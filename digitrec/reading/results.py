"""The result of reading a picture: Reading, Digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Digit:
    """One digit of a picture.

    Attributes:
        digit: ``0`` to ``9``; ``?`` for a mark that is none, or where the confidence is below the threshold.
        confidence: probability that it is a digit times that of the most probable digit, 0 to 1.
        probabilities: of the digits 0 to 9; they sum to 1.
        box: x, y, width, height in pixels of the picture.
        line: number of its line, from 0.
        position: number in its line, from 0.
        image: uint8 (28, 28), white on black, upright: the input of the network.
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
    """The digits of a picture, in reading order."""

    digits: tuple[Digit, ...]

    @property
    def text(self) -> str:
        """The digits as text, one line of the picture per line; empty for an empty page."""
        lines: dict[int, str] = {}
        for digit in self.digits:
            lines[digit.line] = lines.get(digit.line, "") + digit.digit
        return "\n".join(lines.values())

    @property
    def confidence(self) -> float:
        """The lowest confidence of all digits, 0 to 1; 0 for an empty page."""
        return min((digit.confidence for digit in self.digits), default=0.0)
