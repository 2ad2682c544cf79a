"""Which pixels of a grey page are ink, under uneven light, on whatever paper lies on whatever table.

find_inks is what others use. Thresholds are shares of the page's own contrast and sizes are shares of the
page or of its strokes, so that a scan, a photograph and a drawing of 16x16 pixels take the same path.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.extremes import greatest
from digitrec.reading.segmentation.frames import without_frames
from digitrec.reading.segmentation.ground import (
    SMALL,
    Light,
    Paper,
    contrast_to_ground,
    find_papers,
    polarities,
    shrink_factor,
)
from digitrec.reading.segmentation.masks import EIGHT, SHADE_DISC, SHADE_LEVEL, Mask, box_size
from digitrec.reading.segmentation.rulings import without_lines

Grey = NDArray[np.uint8]

LEAST_CONTRAST = 0.08
"""What differs less than this from the ground, of 1 for black on white, is no ink but paper."""

LEAST_INK = 0.17
"""The contrast that some ink reaches on a page that is not empty; printed squares may be paler."""

QUIET = 2
"""The median step between neighbours, in grey levels of 255, from which on a page counts as noisy."""


class Ink(NamedTuple):
    """The ink of a page.

    contrast: float32 (height, width), 0 ground to about 1, of everything on the page.
    mask: bool (height, width), the strokes of what may be digits.
    threshold: the contrast from which on a pixel is ink.
    """

    contrast: Light
    mask: Mask
    threshold: float


def find_inks(page: Grey) -> Iterator[Ink]:
    """Find the strokes on a page, dark on light or light on dark, in each way that the page can be seen.

    The likeliest way comes first, and mostly it is the only one. Where a shadow may be as dark as a table,
    each sheet that there may be is one, and the whole page another: it takes a reader to tell.

    Args:
        page: uint8 (height, width), 0 black to 255 white.
    """
    light = page.astype(np.float32)
    papers = find_papers(light)
    empty = True
    for paper in papers:
        ink = _ink_on(paper, light)
        if ink.mask.any():
            empty = False
            yield ink
    if not empty and len(papers) == 1 and _lies_inside(papers[0].box, page.shape):
        return  # what lies beside it on the table, a pen perhaps, is no digit
    whole = _ink(light, dark=polarities(light)[0])
    if papers and empty:
        # Nothing is written on the sheet, or what looked like a table is a shadow that all digits lie in.
        box, mask = papers[0]
        whole.mask[box] &= ~_within(whole.mask[box], mask)
    yield whole


def _ink_on(paper: Paper, light: Light) -> Ink:
    """The ink of a sheet, on the page that it lies on."""
    inside = _ink(light[paper.box], dark=True)
    ink = Ink(np.zeros_like(light), np.zeros(light.shape, bool), inside.threshold)
    ink.contrast[paper.box] = inside.contrast
    ink.mask[paper.box] = _within(inside.mask, paper.mask)
    return ink


def _lies_inside(box: tuple[slice, slice], page: tuple[int, ...]) -> bool:
    """Whether a box touches no edge of the page."""
    return all(at.start > 0 and at.stop < side for at, side in zip(box, page, strict=True))


def stroke_width(strokes: Mask) -> float:
    """Mean width of strokes in pixels.

    Across a stroke of width w the distance to the ground rises from 0 to w / 2, and is w / 4 in the mean.

    Args:
        strokes: bool (height, width), at least one pixel.
    """
    depths = _depths(strokes)
    return 4 * float(depths[depths > 0].mean(dtype=float)) - 1  # a pixel's depth is half a pixel too much


def _ink(light: Light, dark: bool) -> Ink:
    """Find the ink where it is known which of ink and ground is the darker."""
    light = light if dark else 255 - light
    # A first look, with a wide ground, shows how wide strokes are; the second follows the light more closely.
    factor = shrink_factor(light)
    smooth = ndi.uniform_filter(light, 3) if min(light.shape) > SMALL / 2 else light
    size = min(light.shape) // factor // 3
    contrast = contrast_to_ground(smooth, factor, size, dark)
    low, high = thresholds(contrast)
    first = _without_specks(contrast > high)
    if not first.any():
        return Ink(contrast, first, high)
    width = _pen_width(first, contrast)
    if min(light.shape) > 14 * width:
        factor = max(1, int(width / 3))
        size = round(6 * width / factor)
        smooth = ndi.gaussian_filter(light, 0.2 * width) if width > 2.5 else light
        contrast = contrast_to_ground(smooth, factor, size, dark)
        low, high = thresholds(contrast)
    # Of a pen that wrote paler in one place the darkest there counts.
    nearby = greatest(contrast, round(12 * width) | 1)
    strong = contrast > np.clip(0.45 * nearby, max(low, 0.6 * high), high)
    everything = without_frames(touching(contrast > low, strong), contrast)
    pale = without_lines(everything, width, contrast)
    # A pale stroke is ink where it goes on from a dark one and stands out from what is about it, unlike the
    # blurred hole of an 8.
    pale &= strong | (contrast > ndi.uniform_filter(contrast, round(4 * width) | 1))
    near = greatest(strong & pale, round(5 * width) | 1)
    strokes = without_frames(touching(pale & near, strong), contrast)
    if smooth is not light and _noise(light) < QUIET:
        # To be found strokes want more smoothing than to be cut out: narrow loops and gaps stay open.
        contrast = contrast_to_ground(ndi.gaussian_filter(light, 0.1 * width), factor, size, dark)
    return Ink(contrast, strokes, high)


def _noise(light: Light) -> float:
    """The median step between neighbours: noise nearly everywhere, since strokes cover little."""
    steps = np.abs(np.diff(light[:, ::2], axis=1))  # of next neighbours, since noise may be smoothed
    return float(np.median(steps)) if steps.size else 0.0


def thresholds(contrast: Light) -> tuple[float, float]:
    """The contrast that pale ink has at least, and that from which on a pixel is ink for certain.

    Otsu's threshold (1979) among the pixels that stand out at all: digits cover so little of a page that
    among all pixels it would divide the paper's noise.
    """
    noise = _noise(contrast) / 0.954
    typical = float(np.median(contrast))  # a closing lies on the noise's upper edge
    floor = max(LEAST_CONTRAST, typical + 5 * noise)
    outstanding = contrast[contrast > floor]
    if outstanding.size == 0:
        return 2.0, 2.0
    strong = float(np.quantile(outstanding, 0.97))
    least = LEAST_INK
    if strong < least:  # a digit may be little beside printed squares, but stands out from them
        strong, least = float(np.quantile(outstanding, 0.995)), 1.5 * LEAST_INK
    if strong < least:
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


def _pen_width(strokes: Mask, contrast: Light) -> float:
    """Width of the pen in pixels: twice the distance to the ground, along the middle of the wider strokes.

    Along the middle, since a blot has much ink but hardly a middle line; of the wider, each place counting by
    its width, since printed lines are thinner but may be far longer. What is as solid and as pale as the
    corner of a shadow counts only where there is nothing else.
    """
    depths = _depths(strokes)
    middle = (depths > 0) & (depths == greatest(depths, 3))
    depths, middle = depths[1:-1, 1:-1], middle[1:-1, 1:-1]
    slender = middle & ~_shades(strokes, contrast, depths)
    widths = np.sort(depths[slender if slender.any() else middle].astype(float))
    share = np.cumsum(widths)
    return 2 * float(widths[np.searchsorted(share, 0.8 * share[-1])]) - 1


def _shades(strokes: Mask, contrast: Light, depths: Light) -> Mask:
    """The connected pieces that are as solid and as pale as the corner of a shadow."""
    labels, count = ndi.label(strokes, EIGHT)
    deepest = np.zeros(count + 1, np.float32)
    np.maximum.at(deepest, labels[strokes], depths[strokes])
    sizes = np.array([1, *map(box_size, ndi.find_objects(labels))])
    shades = 2 * deepest >= SHADE_DISC * sizes
    solid = shades[labels]
    numbers = labels[solid]
    areas = np.bincount(numbers, minlength=count + 1)
    shades &= np.bincount(numbers, contrast[solid], count + 1) <= SHADE_LEVEL * areas
    found: Mask = shades[labels] & strokes
    return found


def _depths(strokes: Mask) -> Light:
    """How far each pixel is from the ground, with a pixel of ground round all; in less memory than SciPy."""
    nearest = ndi.distance_transform_edt(np.pad(strokes, 1), return_distances=False, return_indices=True)
    nearest[0] -= np.arange(nearest.shape[1], dtype=np.int32)[:, None]
    nearest[1] -= np.arange(nearest.shape[2], dtype=np.int32)
    nearest *= nearest
    depths: Light = np.sqrt(nearest[0] + nearest[1], dtype=np.float32)
    return depths


def touching(mask: Mask, seeds: Mask) -> Mask:
    """The connected pieces of a mask in which there is a seed."""
    labels, count = ndi.label(mask, EIGHT)
    chosen = np.zeros(count + 1, bool)
    chosen[labels[seeds & mask]] = True
    chosen[0] = False
    found: Mask = chosen[labels]
    return found


def _without_specks(mask: Mask) -> Mask:
    labels, _ = ndi.label(mask, EIGHT)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    large: Mask = (areas >= max(3, 0.05 * areas.max()))[labels]
    return large & mask


def _within(mask: Mask, area: Mask) -> Mask:
    """The pieces of a mask of which most lies in an area given at another resolution."""
    rows = np.arange(mask.shape[0]) * area.shape[0] // mask.shape[0]
    columns = np.arange(mask.shape[1]) * area.shape[1] // mask.shape[1]
    labels, count = ndi.label(mask, EIGHT)
    inside = np.bincount(labels[area[rows][:, columns]], minlength=count + 1)
    kept = inside > 0.7 * np.bincount(labels.ravel(), minlength=count + 1)
    kept[0] = False
    found: Mask = kept[labels]
    return found
