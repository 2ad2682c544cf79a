"""Digits as pen strokes: center lines traced from MNIST images or written by hand, drawn with any pen."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Box = tuple[int, int, int, int]
"""x, y, width, height, in pixels."""

FINE = 5  # pixels of the thinned digit for each MNIST pixel
SMOOTH = 3  # of those pixels: less leaves the staircase of MNIST pixels, more makes holes of crossings
SPECK = 0.1  # share of the ink of the largest component: dirt in MNIST has less, the bar of a 5 more


@dataclass(frozen=True)
class Strokes:
    """Center lines of pen strokes.

    Attributes:
        points: (n, 2), x and y, y down.
        radii: (n,), of the pen at each point.
        joints: (m, 2), indices of points that are joined.
    """

    points: np.ndarray
    radii: np.ndarray
    joints: np.ndarray


def trace(digit: np.ndarray) -> Strokes:
    """Thin a digit to the center lines of its strokes.

    Args:
        digit: uint8 (28, 28), bright on black.

    Returns:
        Strokes in digit heights from the center. The radii are those of the strokes less their median: with
        the radius of a pen added, thicker places stay thicker.

    Raises:
        ValueError: the digit is all black.
    """
    mask = _foreground(digit)
    mask = np.pad(mask[ndimage.find_objects(mask.astype(np.uint8))[0]], 2)
    depth = ndimage.distance_transform_edt(mask)
    line = _thin(mask)
    rows, columns = np.nonzero(line)
    number = np.full(mask.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    joints = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        neighbor = number[rows + down, columns + right]
        joints.append(np.stack([np.arange(len(rows)), neighbor], axis=1)[neighbor >= 0])
    # The mean of nearby pixels of the line turns a staircase of pixels into a smooth line.
    near = ndimage.gaussian_filter(line.astype(float), SMOOTH)
    x, y, radii = (
        ndimage.gaussian_filter(np.where(line, values, 0.0), SMOOTH)[line] / near[line]
        for values in (*np.indices(mask.shape)[::-1], depth)
    )
    points = np.stack([x, y], axis=1)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    size = max(np.ptp(points, axis=0).max(), FINE)
    return Strokes(points / size, (radii - np.median(radii)) / size, np.concatenate(joints))


def _foreground(digit: np.ndarray) -> np.ndarray:
    """Return the foreground mask of the enlarged digit, bool (28 * FINE, 28 * FINE).

    The threshold is local: one for the whole digit would fill the small loops and narrow gaps of thick
    strokes, and break pale ones. A component that is pale everywhere is a speck.
    """
    if not digit.any():
        raise ValueError("A digit to render has no ink.")
    fine = Image.fromarray(digit).resize((28 * FINE, 28 * FINE), Image.Resampling.BICUBIC)
    gray = np.asarray(fine) / np.float32(digit.max())
    components, count = ndimage.label(
        gray > 0.25 + 0.5 * ndimage.gaussian_filter(gray, 3 * FINE), np.ones((3, 3))
    )
    peaks = ndimage.maximum(gray, components, np.arange(1, count + 1))
    foreground: np.ndarray = np.isin(components, 1 + np.flatnonzero(peaks > 0.45))
    return foreground


def _thin(mask: np.ndarray) -> np.ndarray:
    """Thin a mask to lines.

    The method is that of Zhang and Suen, "A fast parallel algorithm for thinning digital patterns" (1984).
    """
    while True:
        before = mask
        for removable in _removable():
            ring = (np.roll(mask, shift, (0, 1)).view(np.uint8) << bit for bit, shift in enumerate(_RING))
            mask = mask & ~removable[sum(ring)]
        if (mask == before).all():
            return mask


_RING = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # from above, clockwise


@functools.cache
def _removable() -> tuple[np.ndarray, np.ndarray]:
    """Return which of the 256 neighborhoods lose their pixel, in either half of an iteration."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count, starts = ring.sum(axis=1), ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    edge = (count >= 2) & (count <= 6) & (starts == 1)
    up, right, down, left = (ring[:, place] == 0 for place in (0, 2, 4, 6))
    return edge & (up | right | down) & (right | down | left), edge & (up | right | left) & (up | down | left)


def extent(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper left and the lower right corner of what the pen covers."""
    pen = strokes.radii[:, None]
    return (strokes.points - pen).min(axis=0), (strokes.points + pen).max(axis=0)


def draw(strokes: Strokes, layer: np.ndarray, grain: float, random: np.random.Generator) -> Box:
    """Draw strokes into a layer.

    Args:
        strokes: in pixels of the layer.
        layer: coverage, uint8 (height, width); changed in place.
        grain: share of the ink that is missing because the paper is rough, 0 to 1.
        random: draws the roughness.

    Returns:
        The box of what is drawn, without specks.
    """
    low, high = extent(strokes)
    corner = np.floor(low).astype(int) - 1
    size = np.ceil(high).astype(int) + 1 - corner
    fineness = 4 if size.max() < 250 else 2  # Pillow's lines have no anti-aliasing of their own
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
    """Return rows and columns of the connected components without specks, the dirt in MNIST."""
    components, count = ndimage.label(coverage, np.ones((3, 3)))
    amounts = ndimage.sum_labels(coverage, components, np.arange(1, count + 1))
    main = np.isin(components, 1 + np.flatnonzero(amounts >= SPECK * amounts.max()))
    return tuple(ndimage.find_objects(main.astype(np.uint8))[0])


def rectangle(x: float, y: float, width: float, height: float, pen: float) -> Strokes:
    """Return the outline of a box, whose upper left corner is (x, y), for a pen of a given width."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return Strokes(corners, np.full(4, pen / 2), np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))


def rotation(degrees: float) -> np.ndarray:
    """Return the matrix (2, 2) that rotates x, y clockwise, y down."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def stroke_digits() -> np.ndarray:
    """Return drawn digits 0 to 9, uint8 (10, 28, 28), bright on black: for tests without MNIST."""
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
    """Return points of an ellipse around x, y from one angle to another, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 20))
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


def _glyphs() -> list[list[list[tuple[float, float]]]]:
    """Return the strokes of each digit, in pixels of its image."""
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
