"""A digit's strokes, of any size and pen, as a 28x28 image like MNIST's."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from digitrec.models.normalization import BOX, SIDE
from digitrec.reading.segmentation.extremes import greatest, least
from digitrec.reading.segmentation.ink import stroke_width
from digitrec.reading.segmentation.masks import Mask, bounds

STROKES = (2.0, 3.6)
"""Widths of stroke, in pixels of the 20x20 box, that are left as they are: most of MNIST's."""

WINDOW = 0.18
"""Width of a stroke, as a share of the digit's longest side, that holes are looked for about."""

LEAST_RANGE = 0.2
"""Of contrast about a hole; less is the grain of a stroke."""

_FINE = 100  # the longest side at which strokes are measured and changed


def crop_digit(contrast: NDArray[np.float32], mask: Mask, threshold: float) -> NDArray[np.uint8]:
    """Bring a digit to MNIST's form: longest side 20, strokes of its width, centre of mass in the middle.

    Args:
        contrast: float32 (height, width), 0 ground to 1 ink.
        mask: bool of the same shape, the pixels of this digit; at least one.
        threshold: the contrast above which a pixel is ink.

    Returns:
        uint8 (28, 28), white ink on black ground.
    """
    strokes = _with_pen(_fine(contrast, mask, threshold))
    strokes = strokes[bounds(strokes)]
    height, width = strokes.shape
    longest = max(height, width)
    size = max(1, round(BOX * width / longest)), max(1, round(BOX * height / longest))
    small = np.asarray(Image.fromarray(strokes.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX))
    return centred(small)


def centred(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a digit of at most 28x28 pixels into a 28x28 frame, its centre of mass in the middle if it fits."""
    frame = np.zeros((SIDE, SIDE), np.uint8)
    centre = ndi.center_of_mass(digit) if digit.any() else ((np.array(digit.shape) - 1) / 2)
    y, x = (
        int(np.clip(round((SIDE - 1) / 2 - place), 0, SIDE - size))
        for place, size in zip(centre, digit.shape, strict=True)
    )
    frame[y : y + digit.shape[0], x : x + digit.shape[1]] = digit
    return frame


def _fine(contrast: NDArray[np.float32], mask: Mask, threshold: float) -> Mask:
    """The digit at 50 to 199 pixels: enlarged by its grey levels, or shrunk so that no hairline is lost."""
    longest = max(mask.shape)
    if longest < _FINE:
        factor = round(_FINE / longest)
        margin = 2
        near = ndi.binary_dilation(np.pad(mask, margin), np.ones((3, 3), bool))
        padded = np.pad(contrast, margin, mode="edge")
        # A pale stroke ends where it has half of its own contrast, not of the darkest ink's.
        stroke = stroke_width(mask)
        reach = 2 * max(1, round(stroke)) + 3
        peak = greatest(np.where(np.pad(mask, margin), padded, 0), reach)
        level = np.minimum(threshold, 0.5 * peak)
        if stroke > WINDOW * longest:
            level = np.maximum(level, _middle(padded, round(WINDOW * longest) | 1))
        grey = np.where(near, padded - level, -threshold)
        height, width = (factor * side for side in grey.shape)
        large = Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        fine: Mask = np.asarray(large) > 0
        return fine if fine.any() else np.kron(mask, np.ones((factor, factor), bool))
    factor = longest // _FINE
    if factor == 1:
        return mask
    # Added up, not padded to a multiple: a long thin line would need a square of its length.
    counts = mask.astype(np.int32)
    for axis, side in enumerate(mask.shape):
        counts = np.add.reduceat(counts, np.arange(0, side, factor), axis=axis)
    shrunk: Mask = counts >= 0.5 * factor**2 if stroke_width(mask) > 3 * factor else counts > 0
    return shrunk


def _middle(contrast: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Half way from the palest to the darkest near a pixel: a blurred hole is below. 0 where all is alike.

    Bernsen, "Dynamic Thresholding of Grey-Level Images" (1986).
    """
    palest, darkest = least(contrast, size), greatest(contrast, size)
    middle: NDArray[np.float32] = np.where(darkest - palest > LEAST_RANGE, (darkest + palest) / 2, 0)
    return middle


def _with_pen(strokes: Mask) -> Mask:
    """The same strokes drawn by a pen of the width that MNIST has, where theirs is far from it."""
    strokes = np.pad(strokes, _FINE // BOX * 3)
    rows, columns = bounds(strokes)
    unit = max(rows.stop - rows.start, columns.stop - columns.start) / BOX  # a pixel of the result
    width = stroke_width(strokes)
    least, most = (limit * unit for limit in STROKES)
    if width < least:
        thicker: Mask = ndi.distance_transform_edt(~strokes) <= (least - width) / 2
        return thicker
    if width > most:
        # By the same share everywhere, so that where a stroke is thin already it is not broken.
        depth = ndi.distance_transform_edt(strokes)
        ridge = greatest(depth, int(width) | 1)
        thinner: Mask = strokes & (depth > ridge * (1 - most / width))
        return thinner
    return strokes
