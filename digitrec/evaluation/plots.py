"""The figures of a run: arrays in, a matplotlib figure out, and from there a PNG. Nothing is kept or shown.

They are drawn again and again while a network trains, so they are cheap: what is a grid is laid out in NumPy
and put into the figure pixel by pixel, without axes, whose ticks take longer than all the rest. Each has a
white ground of its own, to be read in TensorBoard's light and dark theme, and the 350 pixels of width
at which TensorBoard shows it: a larger one would be shrunk, its text blurred.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

DPI = 100
RED, BLUE = np.array([178, 24, 43]), np.array([33, 102, 172])


def confusion_matrix(counts: Array) -> Figure:
    """Draw the images of each true digit (row) by the digit that was given (column), empty where none.

    Mistakes are coloured by their number; what was read right is not, or it would outshine them.

    Args:
        counts: int (10, 10), true digits by rows.
    """
    right = np.eye(10, dtype=bool)
    depth = np.where(right, 0, counts) / max(1, counts[~right].max())
    colours = np.where(right[..., None], tint(0.15 * right, BLUE), tint(0.9 * depth, RED))
    images, wrong = counts.sum(), counts[~right].sum()
    title = f"{wrong:,} of {images:,} wrong: accuracy {1 - wrong / max(1, images):.2%}"
    figure, at = _page(colours.repeat(30, axis=0).repeat(30, axis=1), (30, 30), title, left=40, bottom=40)
    for row, column in np.argwhere(counts):
        colour = "white" if depth[row, column] > 0.5 else "black"
        _write(figure, at(column, row), str(counts[row, column]), color=colour)
    for digit in range(10):
        _write(figure, at(digit, 9.8), str(digit))
        _write(figure, at(-0.8, digit), str(digit))
    _write(figure, at(4.5, 10.4), "given digit")
    _write(figure, at(-1.2, 4.5), "true digit", rotation=90)
    return figure


def mistakes(
    images: Array, labels: Array, digits: Array, confidences: Array, columns: int = 5, rows: int = 5
) -> Figure:
    """Draw the images that were read wrong with the greatest confidence, the surest first.

    Over each stands its true digit, the digit that was given, and the confidence in that.

    Args:
        images: uint8 (N, 28, 28).
        labels: int (N,).
        digits: int (N,), as given.
        confidences: (N,), 0 to 1.
        columns: tiles in a row.
        rows: of tiles; fewer are drawn where there are fewer mistakes.
    """
    wrong = np.flatnonzero(labels != digits)
    shown = wrong[np.argsort(-confidences[wrong], kind="stable")][: columns * rows]
    rows = max(1, min(rows, -(-len(shown) // columns)))
    sheet = tile(images[shown], columns, rows, ground=255, above=8).repeat(2, axis=0).repeat(2, axis=1)
    title = f"The surest {len(shown)} of {len(wrong):,} mistakes: true → given"
    figure, at = _page(np.stack(3 * [sheet], axis=2), (60, 72), title, left=25, right=25)
    for place, index in enumerate(shown):
        row, column = divmod(place, columns)
        # Rounded down: 100 % is said of 1 alone.
        text = f"{labels[index]}→{digits[index]} {int(100 * confidences[index])}%"
        _write(figure, at(column, row - 0.39), text, fontsize=7)
    return figure


def first_layer(weights: Array, columns: int = 10, rows: int = 13) -> Figure:
    """Draw the weights of each unit of the first layer as an image: red for ink, blue against it.

    All tiles share one scale, which leaves the largest hundredth of the weights beyond its ends.

    Args:
        weights: (units, 784); unit ``i`` is tile ``i``, row by row.
        columns: tiles in a row.
        rows: of tiles; further units are left out.
    """
    units = min(len(weights), columns * rows)
    rows = -(-units // columns)
    largest = float(np.quantile(np.abs(weights[:units]), 0.99)) or 1.0
    depth = np.clip(weights[:units].reshape(-1, 28, 28) / largest, -1, 1)
    sheet = tile(depth, columns, rows, ground=np.nan)
    colours = np.where(sheet[..., None] > 0, tint(sheet, RED), tint(-sheet, BLUE))
    colours[np.isnan(sheet)] = 160
    which = f"{units}" if units == len(weights) else f"{units} of {len(weights):,}"
    title = f"First layer, {which} units: blue -{largest:.2g}, red {largest:.2g}"
    return _page(colours, (30, 30), title, left=25, right=25)[0]


def reliability(size: Array, confidence: Array, accuracy: Array, error: float) -> Figure:
    """Draw the accuracy of the images in each bin of confidence against the confidence itself.

    Args:
        size: (bins,), images in each bin, written into its bar.
        confidence: (bins,), mean confidence, 0 to 1.
        accuracy: (bins,), share that was read right, 0 to 1.
        error: expected calibration error, 0 to 1.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5, 3.5), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.14, 0.13, 0.82, 0.77))
    filled, width = np.flatnonzero(size), 1 / len(size)
    axes.bar((filled + 0.5) * width, accuracy[filled], width, color="#a8c4e5", edgecolor="white")
    axes.plot([0, 1], [0, 1], color="0.5", linestyle="--", linewidth=1)
    axes.plot(confidence[filled], accuracy[filled], "o", color=RED / 255, markersize=4, clip_on=False)
    for place in filled:
        axes.text(
            (place + 0.5) * width, 0.01, f"{size[place]:,}", ha="center", va="bottom", rotation=90, fontsize=7
        )
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("confidence", fontsize=8)
    axes.set_ylabel("accuracy", fontsize=8)
    _write(figure, (0.5, 0.95), f"Calibration error (ECE) {error:.2%}; images by bar", fontsize=9)
    return figure


def tile(images: Array, columns: int, rows: int, ground: float, above: int = 2) -> Array:
    """Lay images out row by row, each with ground over it and a pixel of it on both sides.

    Args:
        images: (N, 28, 28), N at most columns * rows.
        columns: images in a row.
        rows: of images.
        ground: value around the images and where there is none.
        above: pixels of ground over each image.

    Returns:
        (rows * (28 + above), columns * 30), of the dtype of the images.
    """
    cells = np.full((rows * columns, 28 + above, 30), ground, dtype=images.dtype)
    cells[: len(images), above:, 1:29] = images
    return cells.reshape(rows, columns, 28 + above, 30).swapaxes(1, 2).reshape(-1, columns * 30)


def tint(depth: Array, colour: Array) -> Array:
    """Colour depths (...), 0 white to 1 the colour, as uint8 (..., 3)."""
    tinted: Array = 255 - np.nan_to_num(depth)[..., None] * (255 - colour)
    return tinted.astype(np.uint8)


def png(figure: Figure) -> bytes:
    """Render a figure into the content of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rendered = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    Image.fromarray(rendered).save(
        content, "PNG", compress_level=1
    )  # as large as with 6, in a third of the time
    return content.getvalue()


def _page(
    sheet: Array, cell: tuple[int, int], title: str, left: int, right: int = 10, bottom: int = 10
) -> tuple[Figure, Callable[[float, float], tuple[float, float]]]:
    """Put a sheet, uint8 (height, width, 3), under a title.

    Returns:
        The figure, and a function that says where in it the centre of a cell (column, row) of the sheet is.
    """
    from matplotlib.figure import Figure

    top = 28
    height, width = sheet.shape[0] + bottom + top, sheet.shape[1] + left + right
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    figure.figimage(sheet, left, bottom, origin="upper")
    _write(figure, (0.5, 1 - top / 2 / height), title, fontsize=9)

    def at(column: float, row: float) -> tuple[float, float]:
        x, y = left + (column + 0.5) * cell[0], top + (row + 0.5) * cell[1]
        return x / width, 1 - y / height

    return figure, at


def _write(figure: Figure, place: tuple[float, float], text: str, **style: Any) -> None:
    figure.text(*place, text, **{"ha": "center", "va": "center", "fontsize": 8, **style})
