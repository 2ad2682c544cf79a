"""The figures of a run: functions from arrays to a matplotlib figure, and from a figure to a PNG file.

Figures are drawn often while a network trains, so grids of many images are laid out in NumPy and put into the
figure pixel by pixel: with axes the sheet of mistakes takes 323 ms, without 38 ms. Each figure has a white
background, which is readable in TensorBoard's light and dark theme, and is 350 pixels wide, the width at
which TensorBoard shows it without blurring the text.
"""

from __future__ import annotations

import io
import math
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
    """Draw the images of each true digit (row) and predicted digit (column); cells without images are empty.

    Errors are colored by their number. Correct predictions are not, because they are far more.

    Args:
        counts: int (10, 10), true digits by rows.
    """
    from matplotlib.figure import Figure

    correct = np.eye(10, dtype=bool)
    depth = np.where(correct, 0, counts) / max(1, counts[~correct].max())
    images, wrong = counts.sum(), counts[~correct].sum()
    figure = Figure(figsize=(3.5, 3.68), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.12, 0.1, 0.86, 0.82))
    axes.imshow(np.where(correct[..., None], tint(0.15 * correct, BLUE), tint(0.9 * depth, RED)))
    for row, column in np.argwhere(counts):
        color = "white" if depth[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, color=color, ha="center", va="center", fontsize=8)
    axes.set(xticks=range(10), yticks=range(10))
    axes.tick_params(length=0, labelsize=8)
    axes.set_xlabel("predicted digit", fontsize=8)
    axes.set_ylabel("true digit", fontsize=8)
    accuracy = 1 - wrong / max(1, images)
    axes.set_title(f"{wrong:,} of {images:,} wrong: accuracy {accuracy:.2%}", fontsize=9)
    return figure


def mistakes(
    images: Array, labels: Array, predicted: Array, confidences: Array, columns: int = 5, rows: int = 5
) -> Figure:
    """Draw the most confident errors, in order of falling confidence.

    The caption of each image has its true digit, its predicted digit and the confidence of the prediction.

    Args:
        images: uint8 (N, 28, 28).
        labels: int (N,), the true digits.
        predicted: int (N,).
        confidences: (N,), 0 to 1.
        columns: number of tiles in a row.
        rows: number of rows of tiles, at most; there may be fewer errors.
    """
    wrong = np.flatnonzero(labels != predicted)
    shown = wrong[np.argsort(-confidences[wrong], kind="stable")][: columns * rows]
    rows = max(1, min(rows, -(-len(shown) // columns)))
    sheet = tile(images[shown], columns, rows, background=255, above=8).repeat(2, axis=0).repeat(2, axis=1)
    title = f"{len(shown)} most confident of {len(wrong):,} errors: true → predicted"
    figure, at = _page(np.stack(3 * [sheet], axis=2), (60, 72), title)
    for place, index in enumerate(shown):
        row, column = divmod(place, columns)
        # Rounded down, so that only a confidence of 1 is shown as 100 %.
        text = f"{labels[index]}→{predicted[index]} {int(100 * confidences[index])}%"
        _write(figure, at(column, row - 0.39), text, fontsize=7)
    return figure


def first_layer(weights: Array, columns: int = 10, rows: int = 13) -> Figure:
    """Draw the weights of each unit of the first layer as an image: positive red, negative blue.

    All tiles share one color scale; the largest 1 % of the weights exceed it and are clipped.

    Args:
        weights: (units, pixels of a square image); unit ``i`` is tile ``i``, row by row.
        columns: number of tiles in a row.
        rows: number of rows of tiles, at most; further units are left out.
    """
    units = min(len(weights), columns * rows)
    rows = -(-units // columns)
    largest = float(np.quantile(np.abs(weights[:units]), 0.99)) or 1.0
    side = math.isqrt(weights.shape[1])
    depth = np.clip(weights[:units].reshape(-1, side, side) / largest, -1, 1)
    sheet = tile(depth, columns, rows, background=np.nan)
    colors = np.where(sheet[..., None] > 0, tint(sheet, RED), tint(-sheet, BLUE))
    colors[np.isnan(sheet)] = 160
    shown = f"{units}" if units == len(weights) else f"{units} of {len(weights):,}"
    title = f"First layer, {shown} units: blue -{largest:.2g}, red {largest:.2g}"
    return _page(colors, (side + 2, side + 2), title)[0]


def reliability(size: Array, confidence: Array, accuracy: Array, error: float) -> Figure:
    """Draw the accuracy of the images in each bin of confidence against the confidence itself.

    Args:
        size: int (bins,), images in each bin, written into its bar.
        confidence: (bins,), mean confidence, 0 to 1.
        accuracy: (bins,), proportion of correct predictions, 0 to 1.
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


def tile(images: Array, columns: int, rows: int, background: float, above: int = 2) -> Array:
    """Lay out images row by row, with background above each image and one pixel of it on both sides.

    Args:
        images: (N, height, width), N at most columns * rows.
        columns: number of images in a row.
        rows: number of rows.
        background: value around the images and where there is none.
        above: rows of background above each image, in pixels.

    Returns:
        (rows * (height + above), columns * (width + 2)), of the dtype of the images.
    """
    height, width = images.shape[1] + above, images.shape[2] + 2
    cells = np.full((rows * columns, height, width), background, dtype=images.dtype)
    cells[: len(images), above:, 1:-1] = images
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)


def tint(depth: Array, color: Array) -> Array:
    """Return the colors of depths (...), from 0 for white to 1 for the color, as uint8 (..., 3)."""
    tinted: Array = 255 - np.nan_to_num(depth)[..., None] * (255 - color)
    return tinted.astype(np.uint8)


def png(figure: Figure) -> bytes:
    """Render a figure as the content of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rendered = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    # As small as with level 6, in a third of the time.
    Image.fromarray(rendered).save(content, "PNG", compress_level=1)
    return content.getvalue()


def _page(
    sheet: Array, cell: tuple[int, int], title: str, margin: int = 25
) -> tuple[Figure, Callable[[float, float], tuple[float, float]]]:
    """Make a figure of a sheet, uint8 (height, width, 3), below a title.

    Returns:
        The figure, and a function from a cell (column, row) of the sheet to its center in the figure.
    """
    from matplotlib.figure import Figure

    top, bottom = 28, 10
    height, width = sheet.shape[0] + top + bottom, sheet.shape[1] + 2 * margin
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    figure.figimage(sheet, margin, bottom, origin="upper")
    _write(figure, (0.5, 1 - top / 2 / height), title, fontsize=9)

    def at(column: float, row: float) -> tuple[float, float]:
        x, y = margin + (column + 0.5) * cell[0], top + (row + 0.5) * cell[1]
        return x / width, 1 - y / height

    return figure, at


def _write(figure: Figure, place: tuple[float, float], text: str, **style: Any) -> None:
    figure.text(*place, text, **{"ha": "center", "va": "center", "fontsize": 8, **style})
