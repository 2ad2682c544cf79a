"""Digits as strokes of a pen: middle lines traced from MNIST's pixels, or made up, and drawn with any pen."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Box = tuple[int, int, int, int]
"""x, y, width, height, in pixels."""

FINE = 5  # pixels of the thinned digit for each pixel of MNIST
SMOOTH = 3  # of those: less leaves wobbles of MNIST's pixels, more makes holes of crossings
SPECK = 0.1  # of the largest part's ink: dirt on MNIST's paper has less, a 5's bar more


@dataclass(frozen=True)
class Strokes:
    """Middle lines: points (n, 2), y down; the pen's radius at each (n,); joined pairs of them (m, 2)."""

    points: np.ndarray
    radii: np.ndarray
    joints: np.ndarray


def trace(digit: np.ndarray) -> Strokes:
    """Thin a digit, uint8 (28, 28), to the middle lines of its strokes, in heights from its centre.

    Radii are those of the strokes less their median: a pen's radius added to them keeps the places that were
    thicker. ValueError where a digit has no ink.
    """
    mask = _ink(digit)
    mask = np.pad(mask[ndimage.find_objects(mask.astype(np.uint8))[0]], 2)
    depth = ndimage.distance_transform_edt(mask)
    line = _thin(mask)
    rows, columns = np.nonzero(line)
    number = np.full(mask.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    joints = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        neighbour = number[rows + down, columns + right]
        joints.append(np.stack([np.arange(len(rows)), neighbour], axis=1)[neighbour >= 0])
    # The mean of the line's pixels nearby: what was a staircase of pixels is a smooth line again.
    near = ndimage.gaussian_filter(line.astype(float), SMOOTH)
    x, y, radii = (
        ndimage.gaussian_filter(np.where(line, values, 0.0), SMOOTH)[line] / near[line]
        for values in (*np.indices(mask.shape)[::-1], depth)
    )
    points = np.stack([x, y], axis=1)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    size = max(np.ptp(points, axis=0).max(), FINE)
    return Strokes(points / size, (radii - np.median(radii)) / size, np.concatenate(joints))


def _ink(digit: np.ndarray) -> np.ndarray:
    """The pixels of the enlarged digit, bool (28 * FINE, 28 * FINE), that are ink.

    Ink is what is brighter than its surroundings: one level for all of the digit would fill the small loops
    and narrow gaps of thick strokes, and break pale ones. A part that is pale everywhere is a speck.
    """
    if not digit.any():
        raise ValueError("A digit to render has no ink.")
    fine = Image.fromarray(digit).resize((28 * FINE, 28 * FINE), Image.Resampling.BICUBIC)
    grey = np.asarray(fine) / np.float32(digit.max())
    parts, count = ndimage.label(grey > 0.25 + 0.5 * ndimage.gaussian_filter(grey, 3 * FINE), np.ones((3, 3)))
    peaks = ndimage.maximum(grey, parts, np.arange(1, count + 1))
    ink: np.ndarray = np.isin(parts, 1 + np.flatnonzero(peaks > 0.45))
    return ink


def _thin(mask: np.ndarray) -> np.ndarray:
    """Take pixels off both sides by turns until lines are left; Zhang and Suen (1984)."""
    while True:
        before = mask
        for goes in _goes():
            ring = (np.roll(mask, shift, (0, 1)).view(np.uint8) << bit for bit, shift in enumerate(_RING))
            mask = mask & ~goes[sum(ring)]
        if (mask == before).all():
            return mask


_RING = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # from above, clockwise


@functools.cache
def _goes() -> tuple[np.ndarray, np.ndarray]:
    """Which of the 256 neighbourhoods lose their pixel, in either half of a round."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count, starts = ring.sum(axis=1), ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    edge = (count >= 2) & (count <= 6) & (starts == 1)
    up, right, down, left = (ring[:, place] == 0 for place in (0, 2, 4, 6))
    return edge & (up | right | down) & (right | down | left), edge & (up | right | left) & (up | down | left)


def reach(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    """The corners of what the pen covers."""
    pen = strokes.radii[:, None]
    return (strokes.points - pen).min(axis=0), (strokes.points + pen).max(axis=0)


def draw(strokes: Strokes, layer: np.ndarray, grain: float, random: np.random.Generator) -> Box:
    """Draw into a layer of coverage, uint8 (height, width); the box of what is drawn, without specks.

    grain is the share of the ink that the roughness of the paper leaves out.
    """
    low, high = reach(strokes)
    corner = np.floor(low).astype(int) - 1
    size = np.ceil(high).astype(int) + 1 - corner
    fineness = 4 if size.max() < 250 else 2  # to draw larger and average is Pillow's only anti-aliasing
    canvas = Image.new("L", (int(size[0]) * fineness, int(size[1]) * fineness))
    pen, points, radii = (
        ImageDraw.Draw(canvas),
        (strokes.points - corner) * fineness,
        strokes.radii * fineness,
    )
    for start, end in strokes.joints:
        pen.line([*points[start], *points[end]], 255, max(1, round(radii[start] + radii[end])))
    for (x, y), radius in zip(points, radii, strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    coverage = np.asarray(canvas.reduce(fineness))
    if grain:
        rough = ndimage.gaussian_filter(random.standard_normal(coverage.shape, np.float32), 0.8)
        coverage = (coverage * (1 - grain * (0.5 + 2 * rough).clip(0, 1))).astype(np.uint8)
    touched = np.argwhere(coverage)
    (top, left), (bottom, right) = touched.min(axis=0), touched.max(axis=0) + 1
    x, y = int(corner[0] + left), int(corner[1] + top)
    part = layer[y : y + bottom - top, x : x + right - left]
    np.maximum(part, coverage[top:bottom, left:right], out=part)
    rows, columns = _without_specks(coverage)
    x, y = int(corner[0]) + columns.start, int(corner[1]) + rows.start
    return x, y, columns.stop - columns.start, rows.stop - rows.start


def _without_specks(coverage: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of all parts but those with little of the ink: the dirt on MNIST's paper."""
    parts, count = ndimage.label(coverage, np.ones((3, 3)))
    amounts = ndimage.sum_labels(coverage, parts, np.arange(1, count + 1))
    main = np.isin(parts, 1 + np.flatnonzero(amounts >= SPECK * amounts.max()))
    return tuple(ndimage.find_objects(main.astype(np.uint8))[0])


def rectangle(x: float, y: float, width: float, height: float, pen: float) -> Strokes:
    """The outline of a box from its upper left corner, drawn with a pen of this width."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return Strokes(corners, np.full(4, pen / 2), np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))


def rotation(degrees: float) -> np.ndarray:
    """The matrix that turns x, y clockwise as seen, y down."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def stroke_digits() -> np.ndarray:
    """The digits 0 to 9 as MNIST has them, uint8 (10, 28, 28), drawn by code: for tests without data."""
    images = np.zeros((10, 28, 28), np.uint8)
    random = np.random.default_rng(0)
    for image, paths in zip(images, _glyphs(), strict=True):
        for path in paths:
            points = np.array(path, float)
            joints = np.stack([np.arange(len(points) - 1), np.arange(1, len(points))], axis=1)
            draw(Strokes(points, np.full(len(points), 1.3), joints), image, 0, random)
    return images


def _arc(
    x: float, y: float, width: float, height: float, start: float, end: float
) -> list[tuple[float, float]]:
    """Points of an ellipse about x, y from one angle to another, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 20))
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


def _glyphs() -> list[list[list[tuple[float, float]]]]:
    """The strokes of each digit, in pixels of its image."""
    return [
        [_arc(14, 14, 6, 9, -90, 270)],
        [[(11, 8), (14.5, 5), (14.5, 23)]],
        [[*_arc(14, 10, 5.5, 5, -170, 30), (8, 23), (20.5, 23)]],
        [[*_arc(13.5, 9.3, 5, 4.3, -150, 90), *_arc(13.5, 18.3, 5.7, 4.7, -90, 150)]],
        [[(12, 5), (7, 17), (21, 17)], [(16.5, 10), (16.5, 23)]],
        [[(19, 5), (10, 5), (9.3, 13), *_arc(13, 17.5, 6, 5.5, -110, 140)]],
        [[(17, 5), *_arc(16, 18, 8, 12, -135, -180), *_arc(13.7, 18, 5.5, 5, -180, 180)]],
        [[(7.5, 5), (20, 5), (12, 23)]],
        [[*_arc(14, 9.5, 4.5, 4.5, 90, 450), *_arc(14, 18.5, 5.5, 4.5, -90, 270)]],
        [[*_arc(13.5, 10, 5, 5, 0, 360), (18.3, 15), (16.5, 23)]],
    ]
