"""The greatest and the least about each pixel: SciPy's filters to the bit, in a fraction of their time.

The extreme of two neighbouring windows is that of the window of both, so that windows double in a pass of
NumPy's over the page (van Herk 1992 has three passes for any size; these are few and vectorized).
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    rows, columns = height // 2, width // 2
    page = np.full((values.shape[0] + 2 * rows, values.shape[1] + 2 * columns), fill, values.dtype)
    page[rows : rows + values.shape[0], columns : columns + values.shape[1]] = values
    return _along(_along(page, height, of_two).T, width, of_two).T


def _along(page: NDArray[Any], size: int, of_two: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """The extremes of each row and those that follow it, size in all: size - 1 rows fewer."""
    rows = len(page) - size + 1
    reach = 1
    while 2 * reach <= size:
        page = of_two(page[:-reach], page[reach:])
        reach *= 2
    return of_two(page[:rows], page[size - reach :][:rows])
