"""Ink told by its grey levels alone: on a page of few pixels, and of one digit that fills a page."""

from collections.abc import Iterator

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from digitrec.reading.segmentation.ground import Light, edge_of, polarities
from digitrec.reading.segmentation.ink import LEAST_INK, Ink, touching
from digitrec.reading.segmentation.masks import EIGHT, Mask, bounds

MOST_SIDE = 40
"""Pixels of the longer side of such a page. On it light hardly varies, and a closing would eat the digit."""

CLOSEUP_SIDE = 56
"""Pixels of the longer side that a page is shrunk to, to be seen as one digit that fills it."""

CLOSEUP_MARGIN = 0.08
"""Share of the longer side that is left between the edges and a digit that fills a page, at most."""

MOST_EDGE = 0.65
"""Share of a page's edge that a digit covers at most; ground taken for ink mostly covers more."""

PALE, DARK = 0.3, 0.5
"""Shares of the contrast of the darkest ink from which on a pixel is ink beside other ink, and by itself."""


def is_small(page: NDArray[np.uint8]) -> bool:
    """Whether a page (height, width) is one of so few pixels."""
    return max(map(int, page.shape)) <= MOST_SIDE


def find_small_inks(page: NDArray[np.uint8], factor: int) -> Iterator[Ink]:
    """Find the ink of a small page, enlarged by a factor, in each way that the page can be seen.

    The likeliest way comes first, and mostly it is the only one. A digit cut out closely may be more of the
    page than its ground is: then ink may be either, and it takes a reader to tell.

    Args:
        page: uint8 (height, width), 0 black to 255 white, dark ink on a light ground or the reverse.
        factor: by which each side of what is returned is longer.

    Returns:
        Arrays of (factor * height, factor * width); contrast is 1 for the darkest ink.
    """
    light = page.astype(np.float32)
    likelier, *other = polarities(light)
    yield _ink(light, factor, likelier)
    for dark in other:
        ink = _ink(light, factor, dark)
        if _edge_share(ink.mask) <= MOST_EDGE:
            yield ink


def find_closeups(page: NDArray[np.uint8]) -> Iterator[Ink]:
    """Find the ink of one digit that fills a page, dark on light or light on dark, if there may be one.

    Cut out so closely it has no ground about it that could be told from ink; its outline tells.

    Args:
        page: uint8 (height, width), 0 black to 255 white.

    Returns:
        Arrays whose longer side is twice CLOSEUP_SIDE, of the page's shape.
    """
    scale = CLOSEUP_SIDE / max(page.shape)
    size = max(1, round(scale * page.shape[1])), max(1, round(scale * page.shape[0]))
    light = np.asarray(Image.fromarray(page).resize(size, Image.Resampling.BOX), np.float32)
    for dark in (True, False):
        ink = _ink(light, 2, dark)
        if _fills_the_page(ink.mask):
            yield ink


def _fills_the_page(mask: Mask) -> bool:
    """Whether ink is one piece, besides specks, that comes near all four edges and lies along none."""
    if not mask.any() or _edge_share(mask) > MOST_EDGE:
        return False
    labels, _ = ndi.label(mask, EIGHT)
    areas = np.bincount(labels[mask])
    margin = max(1, CLOSEUP_MARGIN * max(mask.shape))
    ends = [(at.start, side - at.stop) for at, side in zip(bounds(mask), mask.shape, strict=True)]
    return bool((areas > 0.05 * areas.max()).sum() == 1 and np.max(ends) <= margin)


def _edge_share(mask: Mask) -> float:
    """The share of a page's edge that is ink."""
    return float(edge_of(mask.astype(np.float32)).mean())


def _ink(light: Light, factor: int, dark: bool) -> Ink:
    """Find the ink where it is known which of ink and ground is the darker."""
    light = light if dark else 255 - light
    edge = edge_of(light)
    middle = (float(light.min()) + float(light.max())) / 2
    ground = float(np.median(edge[edge >= middle])) if edge.max() >= middle else float(light.max())
    contrast = np.clip(ground - light, 0, None) / (max(ground, 1) if dark else 255)
    strong = float(np.sort(contrast, axis=None)[-min(4, contrast.size)])  # three may be specks
    width, height = light.shape[1] * factor, light.shape[0] * factor
    if strong < LEAST_INK:
        return Ink(np.zeros((height, width), np.float32), np.zeros((height, width), bool), DARK)
    contrast = contrast / strong
    paper = contrast[contrast < PALE]
    noise = 4.5 * float(np.median(np.abs(paper - np.median(paper)))) if paper.size else 0.0
    pale, sure = max(PALE, noise), max(DARK, noise)
    grey = np.asarray(Image.fromarray(contrast).resize((width, height), Image.Resampling.BICUBIC))
    grey = np.clip(grey, 0, 1)
    return Ink(grey, touching(grey > pale, grey > sure), sure)
