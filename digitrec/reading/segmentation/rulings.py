"""What is printed across a page: rulings, squares, the lines of tables."""

import math
from typing import NamedTuple

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.extremes import greatest
from digitrec.reading.segmentation.masks import DARKER, EIGHT, Box, Mask, box_size, closed_mask, pieces

UNBROKEN = 0.85
"""Share of its length in which a line as wide and dark as strokes has ink; a column of 1s has less."""


class _Line(NamedTuple):
    """A thin straight line: its pixels, and what tells it from a stroke.

    rows, columns: of its pixels.
    slope: rows for each column.
    length: in columns.
    crosses: whether it goes from edge to edge of the page.
    width: across, in pixels.
    level: its contrast.
    inked: share of its length in which there is ink at all.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    slope: float
    length: int
    crosses: bool
    width: float
    level: float
    inked: float


def without_lines(mask: Mask, stroke: float, contrast: NDArray[np.float32]) -> Mask:
    """Take away rulings, squares and the lines of tables: straight, thin, and longer than anything written.

    What crosses the page from edge to edge is a ruling also where it is alone; what ends before needs a
    parallel, or to be so long that it can be no stroke: the bar of a 7 is never three times its stem.

    Args:
        mask: bool (height, width), ink.
        stroke: width of the strokes in pixels; a line is hardly wider.
        contrast: float32 of the same shape, 0 ground to 1 ink: what is much darker than a line stays.
    """
    thick = max(3, round(min(0.03 * max(mask.shape), 1.5 * stroke + 1)))
    across, along = _lines(mask, thick, contrast), _lines(mask.T, thick, contrast.T)
    if not across and not along:
        return mask
    rest = mask.copy()
    for view, lines in ((rest, across), (rest.T, along)):
        for line in lines:
            view[line.rows, line.columns] = False
    # Where lines cross, crumbs are left.
    written = [box for box in pieces(rest)[1].values() if box_size(box) > 4 * thick]
    largest = max(map(box_size, written), default=0)
    dark = float(np.quantile(contrast[mask], 0.99))
    kept = mask.copy()
    for view, shade, lines, axis, alone in (
        (kept, contrast, across, 1, 3.0),
        (kept.T, contrast.T, along, 0, math.inf),
    ):
        extents = [box[axis].stop - box[axis].start for box in written]
        printed = _printed(lines, view.shape[1], max(extents, default=0), largest, alone, stroke, dark)
        for line in printed:
            pale = shade[line.rows, line.columns] < DARKER * line.level
            view[line.rows[pale], line.columns[pale]] = False
        if len(printed) > 2:
            view &= ~_pieces_of_lines(view, shade, printed, thick, dark)
    return _without_remains(kept, mask & ~kept, thick, contrast)


def _printed(
    lines: list[_Line], side: int, extent: int, largest: int, alone: float, stroke: float, dark: float
) -> list[_Line]:
    """Those of one direction's lines that are printed, not written.

    Args:
        lines: of one direction.
        side: of the page in this direction, in pixels.
        extent: of the piece of ink besides lines that is longest in this direction.
        largest: longest side of a piece of ink besides lines.
        alone: how many times as long a line is that needs no parallel.
        stroke: width of the strokes.
        dark: contrast of the darkest ink.
    """
    printed = []
    lengths = np.array([line.length for line in lines])
    # Where nothing else is on the page, two lines are squares enough: no digit lies flat.
    few = 1 if alone < math.inf and not largest else 4
    for line in lines:
        alike = (lengths > line.length / 2).sum()
        grid = alike > few and line.length > 0.6 * side
        parallels = alike > 1 and largest > 0.1 * line.length
        longer = line.length / largest if largest else math.inf
        # No stroke is so much thinner or paler than the others.
        unlike = line.width <= 0.5 * stroke or line.level <= 0.5 * dark
        if not unlike and line.inked < UNBROKEN:
            continue
        long = line.length > extent if unlike else longer > 2
        if grid or (long and (line.crosses or parallels)) or alone < longer < math.inf:
            printed.append(line)
    return printed


def _pieces_of_lines(
    mask: Mask, contrast: NDArray[np.float32], printed: list[_Line], thick: int, dark: float
) -> Mask:
    """Pieces of lines that run into strokes, or are short: as pale as the others, and in one straight row."""
    level = float(np.median([line.level for line in printed]))
    if level > 0.5 * dark:
        return np.zeros_like(mask)
    rows, columns = np.nonzero(mask & (_runs(mask) <= thick) & (contrast < DARKER * level))
    places = np.rint(rows - float(np.median([line.slope for line in printed])) * columns).astype(int)
    places -= places.min(initial=0)
    counts = ndi.uniform_filter1d(np.bincount(places, minlength=1).astype(float), 3, mode="constant") * 3
    found = np.zeros_like(mask)
    lined = counts[places] > 0.12 * mask.shape[1]
    found[rows[lined], columns[lined]] = True
    return found


def _lines(mask: Mask, thick: int, contrast: NDArray[np.float32]) -> list[_Line]:
    """The lines that run, nearly level, across a quarter of the mask's width or more."""
    width = mask.shape[1]
    runs = _runs(mask)
    thin = mask & (runs <= thick)
    # Where a stroke or another line crosses, a line is thick: bridge it.
    labels, boxes = pieces(closed_mask(thin, 1, 2 * thick + 3))
    found: list[_Line] = []
    for number, box in boxes.items():
        height, length = (side.stop - side.start for side in box)
        if length < max(width / 4, 24) or height > 0.2 * length + 2 * thick:
            continue
        piece = labels[box] == number
        course = _course(piece, box)
        if course is not None:
            inked = float((piece & mask[box]).any(axis=0).mean())
            line = _line(course, box, thin, thick, runs, contrast, inked)
            found += [line] if len(line.rows) else []
    return found


def _course(piece: Mask, box: Box) -> np.polynomial.Polynomial | None:
    """The row at each column of a piece that is straight; None for another."""
    rows, columns = np.nonzero(piece)
    places = np.arange(box[1].start, box[1].stop)
    heights = np.bincount(columns, rows + box[0].start) / np.maximum(np.bincount(columns), 1)
    course = np.polynomial.Polynomial.fit(places, heights, 1)
    astray = np.quantile(np.abs(heights - course(places)), 0.9)
    return course if astray <= max(1.0, 0.015 * len(places)) else None


def _line(
    course: np.polynomial.Polynomial,
    box: Box,
    thin: Mask,
    thick: int,
    runs: NDArray[np.int32],
    contrast: NDArray[np.float32],
    inked: float,
) -> _Line:
    """The line whose course this is: of the thin pixels those that are close to it."""
    height, width = thin.shape
    top = max(0, box[0].start - thick - 1)
    start = max(0, box[1].start - 2 * thick - 3)  # a closing leaves out a line's end at the page's edge
    rows, columns = np.nonzero(thin[top : box[0].stop + thick + 1, start : box[1].stop + 2 * thick + 3])
    rows, columns = rows + top, columns + start
    close = np.abs(rows - course(columns)) <= thick + 1
    rows, columns = rows[close], columns[close]
    left, right = int(columns.min(initial=box[1].start)), int(columns.max(initial=box[1].stop - 1)) + 1
    crosses = all(
        not 0.02 * width < end < 0.98 * width - 1 or not 0.02 * height < course(end) < 0.98 * height - 1
        for end in (left, right - 1)
    )
    # By columns, so that a thick dark stroke that runs along a line for a while is not taken for it.
    widths, levels = np.zeros(width, np.int32), np.zeros(width, np.float32)
    np.maximum.at(widths, columns, runs[rows, columns])
    np.maximum.at(levels, columns, contrast[rows, columns])
    there = widths > 0
    across, level = (float(np.median(values[there])) if there.any() else 0.0 for values in (widths, levels))
    slope = float(course(right) - course(left)) / (right - left)
    return _Line(rows, columns, slope, right - left, crosses, across, level, inked)


def _runs(mask: Mask) -> NDArray[np.int32]:
    """For each pixel of the mask the length of the vertical run of pixels that it is in."""
    height = len(mask)
    places = np.arange(height, dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(mask, np.int32(-1), places), axis=0)
    below = np.minimum.accumulate(np.where(mask, np.int32(height), places)[::-1], axis=0)[::-1]
    return np.where(mask, below - above - 1, 0)


def _without_remains(mask: Mask, removed: Mask, thick: int, contrast: NDArray[np.float32]) -> Mask:
    """Without what lines leave of themselves: crumbs beside them, and bars from one line to the next."""
    if not removed.any():
        return mask
    labels, count = ndi.label(mask, EIGHT)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    by_lines = greatest(removed, 2 * thick + 1, "zero")
    beside = np.bincount(labels[by_lines], minlength=count + 1) > 0
    crumbs = beside & (areas < 0.05 * areas[1:].max(initial=0))
    crumbs[0] = False
    rest: Mask = mask & ~crumbs[labels]
    labels, boxes = pieces(rest)
    level = DARKER * float(np.median(contrast[removed]))
    for number, (rows, columns) in boxes.items():
        height, width = rows.stop - rows.start, columns.stop - columns.start
        bar = height > 4 * width and width <= 3 * thick
        if bar and np.median(contrast[rows, columns][labels[rows, columns] == number]) < level:
            ends = by_lines[rows.start, columns], by_lines[rows.stop - 1, columns]
            if (
                all(end.any() for end in ends)
                and (by_lines[rows, columns] & (labels[rows, columns] == number)).any()
            ):
                rest[rows, columns] &= labels[rows, columns] != number
    return rest
