"""The result of reading a picture: Reading, Digit."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.files import replacing
from digitrec.reading.annotate import annotate
from digitrec.reading.pictures.loading import load


@dataclass(frozen=True)
class Digit:
    """One digit of a picture. Digits are equal if all but their images are.

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
    probabilities: tuple[float, ...] = field(repr=False)
    box: tuple[int, int, int, int]
    line: int
    position: int
    image: NDArray[np.uint8] = field(repr=False, compare=False)

    def to_dict(self, with_image: bool = False) -> dict[str, Any]:
        """Return the digit as JSON types; see ``Reading.to_dict``."""
        values = {
            "digit": self.digit,
            "confidence": round(self.confidence, 6),
            "probabilities": [round(probability, 6) for probability in self.probabilities],
            "box": list(self.box),
            "line": self.line,
            "position": self.position,
        }
        return {**values, "image": _png_url(self.image)} if with_image else values


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

    def to_dict(self, with_images: bool = False) -> dict[str, Any]:
        """Return the reading as JSON types: text, confidence and digits.

        Args:
            with_images: add to each digit the 28x28 input of the network, as a data URL of a PNG file.
        """
        return {
            "text": self.text,
            "confidence": round(self.confidence, 6),
            "digits": [digit.to_dict(with_images) for digit in self.digits],
        }

    def save(self, path: str | Path, picture: Any) -> None:
        """Write the picture as a PNG file, with a box around each digit and what was read above it.

        Args:
            path: of the file.
            picture: what was read, as ``Reader.read`` takes it; a reading does not keep it.

        Raises:
            PictureError: the picture cannot be read.
            OSError: the file cannot be written.
        """
        page = load(picture)
        boxes = (np.array([digit.box for digit in self.digits]).reshape(-1, 4) / page.scale).tolist()
        with replacing(Path(path)) as file:
            annotate(page.pixels, boxes, [digit.digit for digit in self.digits]).save(file, "PNG")


def _png_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
