"""Images of a reading: the page with boxes and labels, and a sheet of the inputs of the network."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitrec.models.pretrained import SIDE

ACCEPTED, REJECTED = (0, 110, 60), (200, 30, 30)
"""RGB colors of the box of a digit and of a ``?``."""


def annotate(
    page: NDArray[np.uint8], boxes: Sequence[tuple[float, float, float, float]], labels: Sequence[str]
) -> Image.Image:
    """Draw a page with a box around each digit and its label above.

    Args:
        page: uint8 (height, width), gray.
        boxes: x, y, width, height of each digit in pixels of the page.
        labels: of the digits, ``?`` for one below the threshold.

    Returns:
        An RGB image, enlarged by a whole factor if the page is small.
    """
    image = Image.fromarray(page).convert("RGB")
    factor = math.ceil(300 / max(image.size))  # so that a label does not cover a small page
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 400))
    for box, label in zip(boxes, labels, strict=True):
        left, top, right, bottom = (
            factor * side for side in (box[0], box[1], box[0] + box[2], box[1] + box[3])
        )
        color = REJECTED if label == "?" else ACCEPTED
        draw.rectangle((left - 2 * width, top - 2 * width, right + width, bottom + width), None, color, width)
        size = max(12.0, 0.35 * (bottom - top))
        place = (left, max(0.0, top - 2 * width - size))
        draw.text(place, label, color, ImageFont.load_default(size), stroke_width=1, stroke_fill="white")
    return image


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], labels: Sequence[str], columns: int = 16
) -> Image.Image:
    """Draw the inputs of the network at twice their size, with labels below.

    Args:
        images: uint8 (28, 28) each.
        labels: one for each image.
        columns: number of images in a row.
    """
    side, row = 2 * SIDE + 4, 2 * SIDE + 18
    rows = max(1, math.ceil(len(images) / columns))
    sheet = Image.new("L", (side * min(columns, max(1, len(images))), row * rows), 64)
    draw = ImageDraw.Draw(sheet)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        x, y = side * (index % columns) + 2, row * (index // columns) + 2
        sheet.paste(Image.fromarray(image).resize((2 * SIDE, 2 * SIDE), Image.Resampling.NEAREST), (x, y))
        draw.text((x, y + 2 * SIDE), label, 255, ImageFont.load_default(12))
    return sheet
