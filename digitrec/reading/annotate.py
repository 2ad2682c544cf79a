"""What was read, to look at: a page with its digits boxed and named, a sheet of what the network saw."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitrec.models.normalization import SIDE

SURE, UNSURE = (0, 110, 60), (200, 30, 30)
"""Colours of a digit that was read and of one that was not, as red, green and blue."""


def annotate(
    page: NDArray[np.uint8], boxes: Sequence[tuple[float, float, float, float]], labels: Sequence[str]
) -> Image.Image:
    """Draw a page with a box round each digit and its label above.

    Args:
        page: uint8 (height, width), grey.
        boxes: x, y, width, height of each digit in pixels of the page.
        labels: of each digit, ``?`` for one that was not read.
    """
    image = Image.fromarray(page).convert("RGB")
    factor = math.ceil(300 / max(image.size))  # a label on a picture of 28 pixels would cover it
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 400))
    for box, label in zip(boxes, labels, strict=True):
        left, top, right, bottom = (
            factor * side for side in (box[0], box[1], box[0] + box[2], box[1] + box[3])
        )
        colour = UNSURE if label == "?" else SURE
        draw.rectangle(
            (left - 2 * width, top - 2 * width, right + width, bottom + width), None, colour, width
        )
        size = max(12.0, 0.35 * (bottom - top))
        place = (left, max(0.0, top - 2 * width - size))
        draw.text(place, label, colour, ImageFont.load_default(size), stroke_width=1, stroke_fill="white")
    return image


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], labels: Sequence[str], columns: int = 16
) -> Image.Image:
    """Draw digits as the network saw them, uint8 (28, 28) each, twice as large, with their labels below."""
    side, row = 2 * SIDE + 4, 2 * SIDE + 18
    rows = max(1, math.ceil(len(images) / columns))
    sheet = Image.new("L", (side * min(columns, max(1, len(images))), row * rows), 64)
    draw = ImageDraw.Draw(sheet)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        x, y = side * (index % columns) + 2, row * (index // columns) + 2
        sheet.paste(Image.fromarray(image).resize((2 * SIDE, 2 * SIDE), Image.Resampling.NEAREST), (x, y))
        draw.text((x, y + 2 * SIDE), label, 255, ImageFont.load_default(12))
    return sheet
