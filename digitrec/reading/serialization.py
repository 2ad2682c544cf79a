"""Serialization of a reading to JSON, for the web API and ``digitrec read``."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.reading.results import Digit, Reading


def as_json(reading: Reading, with_images: bool = False) -> dict[str, Any]:
    """Convert a reading to JSON types: text, confidence and digits.

    Args:
        reading: the digits of a picture.
        with_images: add to each digit the 28x28 input of the network, as a data URL of a PNG file.
    """
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 6),
        "digits": [_digit_as_json(digit, with_images) for digit in reading.digits],
    }


def _digit_as_json(digit: Digit, with_image: bool) -> dict[str, Any]:
    values = {
        "digit": digit.digit,
        "confidence": round(digit.confidence, 6),
        "probabilities": [round(probability, 6) for probability in digit.probabilities],
        "box": digit.box,
        "line": digit.line,
        "position": digit.position,
    }
    return {**values, "image": _png_url(digit.image)} if with_image else values


def _png_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
