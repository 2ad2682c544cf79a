"""The greatest and the least about each pixel: SciPy's filters to the bit, in a fraction of their time.

The extreme of two neighbouring windows is that of the window of both, so that windows double in a pass of
NumPy's over the page (van Herk 1992 has three passes for any size; these are few and vectorized).
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

STRIP = 256
"""Columns or rows that are looked at together: a whole page would be in memory four times."""

Beyond = Literal["reflected", "zero"]
"""What is beyond the edge of the page: the page again, turned round, or 0."""


def greatest(values: NDArray[Any], size: int | tuple[int, int], beyond: Beyond = "reflected") -> NDArray[Any]:
    """The greatest value of a window about each pixel, as scipy.ndimage.maximum_filter has it.

    Args:
        values: (height, width), a pixel at least, of any dtype with an order, without NaN.
        size: of the window, odd, in pixels: of both sides, or height and width.
        beyond: what lies beyond the edge.

    Raises:
        ValueError: a window of even size, which has no middle.
    """
    return _extreme(values, size, values.min() if beyond == "reflected" else 0, np.maximum)


def least(values: NDArray[Any], size: int | tuple[int, int], beyond: Beyond = "reflected") -> NDArray[Any]:
    """The least value of a window about each pixel, as scipy.ndimage.minimum_filter has it; as greatest."""
    return _extreme(values, size, values.max() if beyond == "reflected" else 0, np.minimum)


def _extreme(
    values: NDArray[Any], size: int | tuple[int, int], fill: Any, of_two: Callable[..., NDArray[Any]]
) -> NDArray[Any]:
    """The extremes of windows; fill is what is beyond the edge.

    What is reflected into a window is in that window already, so that what never wins may stand for it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if not height % 2 or not width % 2:
        raise ValueError(f"A window must have odd sides, not {height} by {width}.")
    extremes = np.empty_like(values)
    for first in range(0, values.shape[1], STRIP):
        strip = slice(first, first + STRIP)
        extremes[:, strip] = _along(values[:, strip], height, fill, of_two)
    for first in range(0, values.shape[0], STRIP):
        strip = slice(first, first + STRIP)
        extremes[strip] = _along(extremes[strip].T, width, fill, of_two).T
    return extremes


def _along(strip: NDArray[Any], size: int, fill: Any, of_two: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """The extremes of windows along the first axis."""
    count, margin = len(strip), size // 2
    lines = np.full((count + 2 * margin, strip.shape[1]), fill, strip.dtype)
    lines[margin : margin + count] = strip
    reach = 1
    while 2 * reach <= size:
        lines = of_two(lines[:-reach], lines[reach:])
        reach *= 2
    return of_two(lines[:count], lines[size - reach :][:count])
