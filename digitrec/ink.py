"""Which pixels of a grey page are ink, under uneven light, on whatever paper lies on whatever table.

find_ink is what others use. Thresholds are shares of the page's own contrast and sizes are shares of the page or of
its strokes, so that a scan, a photograph and a drawing of 16x16 pixels take the same path.
"""

from typing import NamedTuple

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.rulings import EIGHT, Mask, without_frames, without_lines

Grey = NDArray[np.uint8]
Light = NDArray[np.float32]

LEAST_CONTRAST = 0.08
"""What differs less than this from the ground, of 1 for black on white, is no ink but paper."""

LEAST_INK = 0.17
"""The contrast that some ink reaches on a page that is not empty; printed squares may be paler."""

SMALL = 150
"""The shorter side of a page, in pixels, at which it is looked at as a whole."""

TABLE = 0.4
"""What is darker than this share of the paper is not paper in a shadow but the table that it lies on."""


class Ink(NamedTuple):
    """The ink of a page.

    contrast: float32 (height, width), 0 ground to about 1, of everything on the page.
    mask: bool (height, width), the strokes of what may be digits.
    threshold: the contrast from which on a pixel is ink.
    """

    contrast: Light
    mask: Mask
    threshold: float


def find_ink(page: Grey) -> Ink:
    """Find the strokes on a page, dark on light or light on dark.

    Args:
        page: uint8 (height, width), 0 black to 255 white.
    """
    light = page.astype(np.float32)
    paper = _paper(light)
    if paper is not None:
        inside = _ink(light[paper.box], dark=True)
        if inside.mask.any():
            whole = Ink(np.zeros_like(light), np.zeros(page.shape, bool), inside.threshold)
            whole.contrast[paper.box] = inside.contrast
            whole.mask[paper.box] = _within(inside.mask, paper.mask)
            if whole.mask.any():  # else what looked like a table was a shadow across the digits
                return whole
    return _ink(light, dark=_ink_is_dark(_reduced(light, _factor(light))))


def stroke_width(strokes: Mask) -> float:
    """Mean width of strokes in pixels.

    Across a stroke of width w the distance to the ground rises from 0 to w / 2, and is w / 4 in the mean.
    """
    distances = ndi.distance_transform_edt(np.pad(strokes, 1))
    return 4 * float(distances[distances > 0].mean()) - 1  # a pixel's distance is half a pixel too much


def _pen_width(strokes: Mask) -> float:
    """Width of the pen in pixels: twice the distance to the ground, along the middle of the wider strokes.

    Along the middle, since a blot has much ink but hardly a middle line; of the wider, since printed lines are
    thinner.
    """
    distances = ndi.distance_transform_edt(np.pad(strokes, 1))
    middle = (distances > 0) & (distances == ndi.maximum_filter(distances, 3))
    return 2 * float(np.quantile(distances[middle], 0.9)) - 1


def _ink(light: Light, dark: bool) -> Ink:
    """Find the ink where it is known which of ink and ground is the darker."""
    light = light if dark else 255 - light
    # A first look, with a wide ground, shows how wide strokes are; the second follows the light more closely.
    factor = _factor(light)
    smooth = ndi.uniform_filter(light, 3) if min(light.shape) > SMALL / 2 else light
    contrast = _contrast(smooth, factor, min(light.shape) // factor // 3, dark)
    high = _thresholds(contrast)[1]
    first = _without_specks(contrast > high)
    if not first.any():
        return Ink(contrast, first, high)
    width = _pen_width(first)
    factor = max(1, int(width / 3))
    if min(light.shape) > 14 * width:
        smooth = ndi.gaussian_filter(light, 0.2 * width) if width > 2.5 else light
        contrast = _contrast(smooth, factor, round(6 * width / factor), dark)
    low, high = _thresholds(contrast)
    strong = contrast > high
    everything = without_frames(_touching(contrast > low, strong))
    pale = without_lines(everything, width)
    # A pale stroke is ink where it goes on from a dark one and stands out from what is about it, unlike the
    # blurred hole of an 8.
    pale &= strong | (contrast > ndi.uniform_filter(contrast, round(4 * width) | 1))
    near = ndi.maximum_filter(strong & pale, round(5 * width) | 1)
    return Ink(contrast, _touching(pale & near, strong), high)


def _contrast(light: Light, factor: int, size: int, dark: bool) -> Light:
    """How far each pixel is darker than the ground about it, 0 to 1.

    The ground is the page without what is dark and narrower than a size, in pixels of the page shrunk by a
    factor: a closing, which follows the hard edge of a shadow where an average would blur it.
    """
    ground = _closed(_reduced(light, factor), max(3, size) | 1)
    if factor > 1:
        y, x = ((np.arange(side) + 0.5) / factor - 0.5 for side in light.shape)
        ground = _bilinear(ground, y, x)
    # Paper reflects a share of the light, so that in a shadow ink stands out by less.
    scale = np.maximum(ground, 0.3 * ground.max()) if dark else np.float32(255)
    return np.clip((ground - light) / np.maximum(scale, 1), 0, 1, dtype=np.float32)


def _factor(light: Light) -> int:
    return max(1, round(min(light.shape) / SMALL))


def _reduced(light: Light, factor: int) -> Light:
    """The page shrunk by averaging."""
    height, width = light.shape
    rows, columns = -(-height // factor), -(-width // factor)
    padded = np.pad(light, ((0, rows * factor - height), (0, columns * factor - width)), mode="edge")
    return padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3), dtype=np.float32)


def _closed(light: Light, size: int) -> Light:
    """Without what is dark and narrower than a size in pixels."""
    # Beyond its edge a page goes on as it is there; a small one may be cropped so closely that a stroke lies along
    # its edge.
    if min(light.shape) < SMALL / 2:
        padded = np.pad(light, size, constant_values=float(np.median(_edge(light))))
    else:
        padded = np.pad(light, size, mode="edge")
    closed = ndi.minimum_filter(ndi.maximum_filter(padded, size), size)
    return np.asarray(closed[size:-size, size:-size], np.float32)


def _edge(page: Light) -> Light:
    return np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])


def _bilinear(image: Light, y: NDArray[np.float64], x: NDArray[np.float64]) -> Light:
    """The image at the crossings of the rows y and the columns x, given in its own pixels."""

    def along(image: Light, places: NDArray[np.float64]) -> Light:
        places = np.clip(places, 0, len(image) - 1)
        lower = np.minimum(places.astype(int), max(0, len(image) - 2))
        share = (places - lower).astype(np.float32)[:, None]
        return image[lower] * (1 - share) + image[np.minimum(lower + 1, len(image) - 1)] * share

    return along(along(image, y).T, x).T


class _Paper(NamedTuple):
    """A sheet that does not fill the page: its box, and its pixels in a box shrunk to some other size."""

    box: tuple[slice, slice]
    mask: Mask


def _paper(light: Light) -> _Paper | None:
    """The sheet that lies on something dark, if one does: light, solid, and a good part of the page."""
    factor = _factor(light)
    small = _reduced(light, factor)
    bright = small > TABLE * float(np.quantile(small, 0.98))
    labels, count = ndi.label(_opened(bright))
    if bright.mean() > 0.97 or not count:
        return None
    sheet = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    filled = ndi.binary_fill_holes(sheet)
    rows, columns = ndi.find_objects(filled.astype(np.uint8))[0]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    # What is written on a sheet is narrow; the holes of a bold white 0 or 8 are not.
    pen = round(0.08 * min(rows.stop - rows.start, columns.stop - columns.start)) | 1
    whole = ndi.binary_closing(np.pad(sheet, pen), np.ones((pen, pen), bool))[pen:-pen, pen:-pen]
    if filled.mean() < 0.15 or filled.sum() < 0.6 * area or whole.sum() < 0.93 * filled.sum():
        return None
    rows, columns = (slice(side.start * factor, side.stop * factor) for side in (rows, columns))
    return _Paper(
        (rows, columns),
        ndi.binary_erosion(np.pad(filled, 1), EIGHT, iterations=2)[1:-1, 1:-1][
            rows.start // factor : rows.stop // factor, columns.start // factor : columns.stop // factor
        ],
    )


def _opened(mask: Mask) -> Mask:
    return ndi.binary_opening(np.pad(mask, 2, mode="edge"), np.ones((3, 3), bool))[2:-2, 2:-2]


def _within(mask: Mask, area: Mask) -> Mask:
    """The pieces of a mask of which most lies in an area given at another resolution."""
    rows = np.arange(mask.shape[0]) * area.shape[0] // mask.shape[0]
    columns = np.arange(mask.shape[1]) * area.shape[1] // mask.shape[1]
    labels, count = ndi.label(mask, EIGHT)
    inside = np.bincount(labels[area[rows][:, columns]], minlength=count + 1)
    kept = inside > 0.7 * np.bincount(labels.ravel(), minlength=count + 1)
    kept[0] = False
    return kept[labels]


def _ink_is_dark(small: Light) -> bool:
    """Whether ink is darker than its ground, by two of three signs.

    The ground is most of the page, and most of its edge, and strokes are narrower than what lies between them.
    A dark table round the paper, a close crop and a bold 8 with small loops each belie one of these.
    """
    middle = (float(small.min()) + float(small.max())) / 2
    signs = (
        float(np.median(small)) >= middle,
        float(np.median(_edge(small))) >= middle,
        _dark_is_narrow(small),
    )
    return sum(signs) >= 2


def _dark_is_narrow(small: Light) -> bool:
    """Whether smaller closings fill the dark than openings the light, in the mean."""
    sizes = [size for size in (1, 3, 5, 9, 17, 33) if size <= max(3, min(small.shape) // 3)]
    noise = 0.1 * float(np.ptp(small))
    filled = np.array(
        [
            [float((np.maximum(_closed(page, size) - page - noise, 0) ** 2).sum()) for size in sizes]
            for page in (small, 255 - small)
        ]
    )
    if filled[:, -1].min() < 0.05 * filled[:, -1].max():  # nothing of the other is narrow at all
        return bool(filled[0, -1] > filled[1, -1])
    dark, light = np.diff(filled) @ sizes[1:] / np.maximum(filled[:, -1], 1e-9)
    return bool(dark < light)


def _thresholds(contrast: Light) -> tuple[float, float]:
    """The contrast that pale ink has at least, and that from which on a pixel is ink for certain.

    Otsu's threshold (1979) among the pixels that stand out at all: digits cover so little of a page that among
    all pixels it would divide the paper's noise.
    """
    # Steps between neighbours are noise nearly everywhere, strokes cover little.
    steps = np.abs(np.diff(contrast[:, ::2], axis=1))  # of next neighbours, since noise may be smoothed
    noise = float(np.median(steps)) / 0.954 if steps.size else 0.0
    typical = float(np.median(contrast))  # a closing lies on the noise's upper edge
    floor = max(LEAST_CONTRAST, typical + 5 * noise)
    outstanding = contrast[contrast > floor]
    if outstanding.size == 0:
        return 2.0, 2.0
    strong = float(np.quantile(outstanding, 0.97))
    if strong < LEAST_INK:
        return 2.0, 2.0
    high = max(floor, min(max(_otsu(outstanding), 0.3 * strong), 0.5 * strong))
    return max(floor, 0.4 * high), high


def _otsu(values: Light) -> float:
    """The value that divides values of 0..1 into two classes farthest apart (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=128, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.argmax(np.nan_to_num(apart)))])


def _touching(mask: Mask, seeds: Mask) -> Mask:
    """The connected pieces of a mask in which there is a seed."""
    labels, count = ndi.label(mask, EIGHT)
    chosen = np.zeros(count + 1, bool)
    chosen[labels[seeds & mask]] = True
    chosen[0] = False
    return chosen[labels]


def _without_specks(mask: Mask) -> Mask:
    labels, _ = ndi.label(mask, EIGHT)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas >= max(3, 0.05 * areas.max()))[labels] & mask
