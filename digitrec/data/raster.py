"""Drawing and resampling of planes: all that is done with OpenCV. Reading does not need it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Ink = NDArray[np.uint8]
Mask = NDArray[np.bool_]
AnyPlane = TypeVar("AnyPlane", Plane, Ink)
ONE = np.float32(1 / 255)
"""What a step of uint8 coverage is worth."""

Point = tuple[float, float]
Points = Sequence[Point] | NDArray[Any]

_OUTLINE = 1.6  # pixels that OpenCV's fillConvexPoly adds to a shape's width
_SUBPIXEL = 3  # bits, of coordinates that go to OpenCV
_RESIZING = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST,
}


def use_one_thread() -> None:
    """Keep OpenCV to one thread in this process: more are slow on small planes, and training needs them."""
    cv2.setNumThreads(1)


def resize(
    plane: AnyPlane, size: tuple[int, int], how: Literal["area", "linear", "cubic", "nearest"] = "linear"
) -> AnyPlane:
    """Resize a plane to a width and height."""
    result: Any = cv2.resize(plane, size, interpolation=_RESIZING[how])
    return result  # type: ignore[no-any-return]


def blur(plane: AnyPlane, spread: float) -> AnyPlane:
    """Blur by a Gaussian of so many pixels."""
    result: Any = cv2.GaussianBlur(plane, (0, 0), spread)
    return result  # type: ignore[no-any-return]


def shift(plane: Plane, right: float, down: float) -> Plane:
    """Move what is on a plane by so many pixels; what comes in is 0."""
    matrix = np.array([[1, 0, right], [0, 1, down]])
    result: Any = cv2.warpAffine(plane, matrix, plane.shape[::-1])
    return result  # type: ignore[no-any-return]


def place(plane: Ink, matrix: NDArray[np.float64], size: tuple[int, int]) -> Ink:
    """Put a plane on a larger one of that width and height, by a matrix (2, 3)."""
    result: Any = cv2.warpAffine(plane, matrix, size)
    return result  # type: ignore[no-any-return]


def look_up(plane: Plane, matrix: NDArray[np.float64], size: tuple[int, int], outside: float) -> Plane:
    """Look up each pixel of a result of that width and height where a matrix (2, 3) leads, bilinearly."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_CONSTANT
    result: Any = cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=border, borderValue=outside)
    return result  # type: ignore[no-any-return]


def through_jpeg(gray: Ink, quality: int) -> Ink:
    """Return what is left of a picture in a JPEG file."""
    file: Any = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    result: Any = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
    return result  # type: ignore[no-any-return]


def distance(mask: Mask) -> Plane:
    """Distance of each True pixel to the nearest False one, in pixels."""
    result: Any = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return result  # type: ignore[no-any-return]


def widened(mask: Mask) -> Mask:
    """Return a mask with a pixel more on all sides."""
    result: Any = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    return result > 0  # type: ignore[no-any-return]


def without_specks(mask: Mask, share: float) -> Mask:
    """Keep the connected components that have more than this share of the largest one's area."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = np.asarray(stats)[1:, cv2.CC_STAT_AREA]
    kept: Mask = np.isin(np.asarray(labels), 1 + np.flatnonzero(areas > share * areas.max()))
    return kept


def line(plane: Ink, points: Points, width: float, value: float = 1.0) -> None:
    """Draw a polyline into a plane; below a pixel of width it is paler instead."""
    path = np.asarray(points, np.float64)
    if width <= 1.2:
        layer = np.zeros_like(plane)
        strength = round(255 * value * min(1.0, width))
        cv2.polylines(layer, [_fixed(path)], False, strength, 1, cv2.LINE_AA, _SUBPIXEL)
        np.maximum(plane, layer, out=plane)
    elif len(path) > 8:
        cv2.polylines(plane, [_fixed(path)], False, 255 * value, round(width), cv2.LINE_AA, _SUBPIXEL)
    else:
        for start, end in pairwise(path):
            half = max(0.0, width - _OUTLINE) / 2
            along = (end - start) / max(1e-6, float(np.hypot(*(end - start)))) * half
            aside = np.array([-along[1], along[0]])
            corners = [start - along - aside, end + along - aside, end + along + aside, start - along + aside]
            cv2.fillConvexPoly(plane, _fixed(np.array(corners)), 255 * value, cv2.LINE_AA, _SUBPIXEL)


def trace_line(mask: Ink, points: Points) -> None:
    """Draw a polyline of one pixel, without smooth edges."""
    cv2.polylines(mask, [_fixed(np.asarray(points, np.float64))], False, 255, 1, cv2.LINE_8, _SUBPIXEL)


def polygon(plane: Ink, points: Points, value: float = 1.0) -> None:
    """Fill a polygon of a plane."""
    cv2.fillPoly(plane, [_fixed(np.asarray(points))], 255 * value, cv2.LINE_AA, _SUBPIXEL)


def disk(plane: Ink, center: Point, radius: float, value: float = 1.0) -> None:
    """Fill a circle of a plane."""
    ellipse(plane, center, (radius, radius), 0.0, value)


def ellipse(plane: Ink, center: Point, axes: tuple[float, float], angle: float, value: float = 1.0) -> None:
    """Fill an ellipse of a plane, given by its half axes, turned by so many degrees."""
    x, y = _fixed(np.asarray(center)).tolist()
    wide, high = (max(1, round(axis * (1 << _SUBPIXEL))) for axis in axes)
    cv2.ellipse(plane, (x, y), (wide, high), angle, 0, 360, 255 * value, -1, cv2.LINE_AA, _SUBPIXEL)


def _fixed(points: NDArray[Any]) -> NDArray[np.int32]:
    """Pixels, whose centers OpenCV has at whole numbers, in its fixed-point form."""
    fixed: NDArray[np.int32] = ((points - 0.5) * (1 << _SUBPIXEL)).round().astype(np.int32)
    return fixed
