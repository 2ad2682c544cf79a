"""Sheet of paper: rulings, printed boxes and ink, and the table that it lies on."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from scripts.lib.rendering.options import Options
from scripts.lib.strokes import rotation


def page_coordinates(
    shape: tuple[int, int], origin: np.ndarray, tilt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of each pixel to the right of and below the start of the first baseline.

    Both are measured along the page, in pixels, and are float32 that broadcast to ``shape``.
    """
    x = np.arange(shape[1], dtype=np.float32)[None] + np.float32(origin[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(origin[1])
    (cos, minus_sin), (sin, _) = rotation(tilt).astype(np.float32)
    return cos * x + sin * y, minus_sin * x + cos * y


def print_sheet(
    page: tuple[np.ndarray, np.ndarray],
    printed: np.ndarray,
    ink: np.ndarray,
    options: Options,
    under: Callable[[Image.Image], None] | None = None,
) -> Image.Image:
    """Return the paper with rulings, printed boxes and ink.

    Args:
        page: as ``page_coordinates`` returns it.
        printed: coverage of the printed boxes, uint8 (height, width).
        ink: coverage of the ink, uint8 (height, width).
        options: appearance of the page.
        under: draws what else is printed on the paper, below the ink.
    """
    sheet = Image.new("RGB", ink.shape[::-1], options.paper)
    if options.rulings != "none":
        sheet.paste(options.ruling_color, mask=Image.fromarray(_rulings(page, options)))
    if under:
        under(sheet)
    if options.boxes:
        sheet.paste(options.box_color, mask=Image.fromarray(printed))
    sheet.paste(options.ink, mask=Image.fromarray(ink))
    return sheet


def _rulings(page: tuple[np.ndarray, np.ndarray], options: Options) -> np.ndarray:
    """Return the coverage of the rulings, uint8 (height, width)."""
    pitch, half = options.pitch * options.height, options.ruling_width / 2
    coverage = np.zeros(page[0].shape, np.uint8)
    axes = list(zip(page, options.offset, strict=True))
    for along, offset in axes[1:] if options.rulings == "lined" else axes:
        # A table with eight entries a pixel: a remainder for each pixel would take half the time of a page.
        start = along.min() - 1
        places = start + np.arange(8 * math.ceil(np.ptp(along) + 2), dtype=np.float32) / 8
        distance = np.abs((places - pitch * (offset - 0.5)) % pitch - pitch / 2)
        profile = (255 * (half + 0.5 - distance).clip(0, min(1, 2 * half))).astype(np.uint8)
        np.maximum(coverage, profile.take((8 * (along - start)).astype(np.int32)), out=coverage)
    return coverage


def lay_on_table(
    sheet: Image.Image,
    page: tuple[np.ndarray, np.ndarray],
    corners: np.ndarray,
    options: Options,
    random: np.random.Generator,
) -> Image.Image:
    """Put the sheet on a table, so that some of its edges are visible in the margins."""
    along = corners @ rotation(options.tilt)
    free = options.height * np.array(options.margins).reshape(2, 2) * random.uniform(0.35, 1.3, (2, 2))
    low, high = along.min(axis=0) - free[0], along.max(axis=0) + free[1]
    inside = np.full(page[0].shape, 255, np.float32)
    for place, start, end in zip(page, low, high, strict=True):
        inside *= (place - np.float32(start)).clip(0, 1) * (np.float32(end) - place).clip(0, 1)
    streaks = ndimage.gaussian_filter1d(random.normal(1, 0.3, (sheet.height, 1, 1)), 3, axis=0)
    wood = np.broadcast_to((streaks * options.table).clip(0, 255), (sheet.height, sheet.width, 3))
    table = Image.fromarray(wood.astype(np.uint8))
    table.paste(sheet, mask=Image.fromarray(inside.astype(np.uint8)))
    return table
