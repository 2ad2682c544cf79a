"""Normalization of a digit of any size and stroke width to a 28x28 image like MNIST's."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from digitrec.models.normalization import BOX, SIDE
from digitrec.reading.segmentation.extremes import greatest, least
from digitrec.reading.segmentation.ink import stroke_width
from digitrec.reading.segmentation.masks import Mask, bounds

STROKES = (2.0, 3.6)
"""Stroke widths, in pixels of the 20x20 box, that are not changed: those of most MNIST digits."""

WINDOW = 0.18
"""Stroke width, as a fraction of the digit's longest side, above which blurred holes are opened."""

MIN_RANGE = 0.2
"""Range of contrast around a hole; a smaller one is the texture of a stroke."""

_FINE = 100  # pixels of the longest side at which strokes are measured and changed


def crop_digit(contrast: NDArray[np.float32], mask: Mask, threshold: float) -> NDArray[np.uint8]:
    """Normalize a digit as in MNIST: longest side 20, similar stroke width, center of mass in the middle.

    Args:
        contrast: float32 (height, width), 0 background to 1 foreground.
        mask: bool of the same shape, the pixels of this digit; at least one.
        threshold: the contrast above which a pixel is foreground.

    Returns:
        uint8 (28, 28), white on black.
    """
    strokes = _with_mnist_stroke_width(_fine(contrast, mask, threshold))
    strokes = strokes[bounds(strokes)]
    height, width = strokes.shape
    longest = max(height, width)
    size = max(1, round(BOX * width / longest)), max(1, round(BOX * height / longest))
    small = np.asarray(Image.fromarray(strokes.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX))
    return centered(small)


def centered(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a digit of at most 28x28 pixels into a frame of 28x28, with its center of mass in the middle."""
    frame = np.zeros((SIDE, SIDE), np.uint8)
    center = ndi.center_of_mass(digit) if digit.any() else ((np.array(digit.shape) - 1) / 2)
    y, x = (
        int(np.clip(round((SIDE - 1) / 2 - place), 0, SIDE - size))
        for place, size in zip(center, digit.shape, strict=True)
    )
    frame[y : y + digit.shape[0], x : x + digit.shape[1]] = digit
    return frame


def _fine(contrast: NDArray[np.float32], mask: Mask, threshold: float) -> Mask:
    """Resize a digit to 50 to 199 pixels: enlarge its gray levels, or shrink it and keep thin lines."""
    longest = max(mask.shape)
    if longest < _FINE:
        factor = round(_FINE / longest)
        margin = 2
        near = ndi.binary_dilation(np.pad(mask, margin), np.ones((3, 3), bool))
        padded = np.pad(contrast, margin, mode="edge")
        # A pale stroke ends at half of its own contrast, not at half of the highest contrast.
        stroke = stroke_width(mask)
        reach = 2 * max(1, round(stroke)) + 3
        peak = greatest(np.where(np.pad(mask, margin), padded, 0), reach)
        level = np.minimum(threshold, 0.5 * peak)
        if stroke > WINDOW * longest:
            level = np.maximum(level, _local_threshold(padded, round(WINDOW * longest) | 1))
        gray = np.where(near, padded - level, -threshold)
        height, width = (factor * side for side in gray.shape)
        large = Image.fromarray(gray.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        fine: Mask = np.asarray(large) > 0
        return fine if fine.any() else np.kron(mask, np.ones((factor, factor), bool))
    factor = longest // _FINE
    if factor == 1:
        return mask
    # Blocks are summed without padding to a square, which a long thin line would need.
    counts = mask.astype(np.int32)
    for axis, side in enumerate(mask.shape):
        counts = np.add.reduceat(counts, np.arange(0, side, factor), axis=axis)
    shrunk: Mask = counts >= 0.5 * factor**2 if stroke_width(mask) > 3 * factor else counts > 0
    return shrunk


def _local_threshold(contrast: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the mean of local minimum and maximum, or 0 where they are close; blurred holes are below it.

    Bernsen, "Dynamic Thresholding of Grey-Level Images" (1986).
    """
    minimum, maximum = least(contrast, size), greatest(contrast, size)
    mean: NDArray[np.float32] = np.where(maximum - minimum > MIN_RANGE, (maximum + minimum) / 2, 0)
    return mean


def _with_mnist_stroke_width(strokes: Mask) -> Mask:
    """Make strokes wider or narrower if their width is far from that of MNIST."""
    strokes = np.pad(strokes, _FINE // BOX * 3)
    rows, columns = bounds(strokes)
    unit = max(rows.stop - rows.start, columns.stop - columns.start) / BOX  # a pixel of the result
    width = stroke_width(strokes)
    narrowest, widest = (limit * unit for limit in STROKES)
    if width < narrowest:
        thicker: Mask = ndi.distance_transform_edt(~strokes) <= (narrowest - width) / 2
        return thicker
    if width > widest:
        # By the same fraction everywhere, so that thin parts of a stroke do not break.
        depth = ndi.distance_transform_edt(strokes)
        ridge = greatest(depth, int(width) | 1)
        thinner: Mask = strokes & (depth > ridge * (1 - widest / width))
        return thinner
    return strokes
