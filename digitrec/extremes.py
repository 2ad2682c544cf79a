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
        values: (height, width), of any dtype with an order.
        size: of the window, odd, in pixels: of both sides, or height and width.
        beyond: the edge.
    """
    return _extreme(values, size, beyond, np.maximum)


def least(values: NDArray[Any], size: int | tuple[int, int], beyond: Beyond = "reflected") -> NDArray[Any]:
    """The least value of a window about each pixel, as scipy.ndimage.minimum_filter has it."""
    return _extreme(values, size, beyond, np.minimum)


def _extreme(
    values: NDArray[Any], size: int | tuple[int, int], beyond: Beyond, of_two: Callable[..., NDArray[Any]]
) -> NDArray[Any]:
    sizes = (size, size) if isinstance(size, int) else size
    margins = [(side // 2, side // 2) for side in sizes]
    page = np.pad(values, margins, mode="symmetric" if beyond == "reflected" else "constant")
    down = _along(page, sizes[0], of_two)
    return _along(down.T, sizes[1], of_two).T


def _along(page: NDArray[Any], size: int, of_two: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """The extremes of each row and those that follow it, size in all: size - 1 rows fewer."""
    rows = len(page) - size + 1
    reach = 1
    while 2 * reach <= size:
        page = of_two(page[:-reach], page[reach:])
        reach *= 2
    return of_two(page[:rows], page[size - reach :][:rows])
