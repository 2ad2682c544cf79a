"""Ink on a page of so few pixels that a stroke is one or two of them wide: told by its grey levels alone."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.ground import Light, edge_of, polarities
from digitrec.ink import LEAST_INK, Ink, touching

MOST_SIDE = 40
"""Pixels of the longer side of such a page. On it light hardly varies, and a closing would eat the digit."""

PALE, DARK = 0.3, 0.5
"""Shares of the contrast of the darkest ink from which on a pixel is ink beside other ink, and by itself."""


def is_small(page: NDArray[np.uint8]) -> bool:
    """Whether a page (height, width) is one of so few pixels."""
    return max(map(int, page.shape)) <= MOST_SIDE


def find_small_inks(page: NDArray[np.uint8], factor: int) -> Iterator[Ink]:
    """Find the ink of a small page, enlarged by a factor, in each way that the page can be seen.

    The likeliest way comes first, and mostly it is the only one. A digit cut out closely may have more ink
    than ground: then the other way is ink as light as ground was, and it takes a reader to tell.

    Args:
        page: uint8 (height, width), 0 black to 255 white, dark ink on a light ground or the reverse.
        factor: by which each side of what is returned is longer.

    Returns:
        Arrays of (factor * height, factor * width); contrast is 1 for the darkest ink.
    """
    light = page.astype(np.float32)
    for dark in polarities(light):
        yield _ink(light if dark else 255 - light, factor, dark)


def _ink(light: Light, factor: int, dark: bool) -> Ink:
    """Find the ink where it is the darker; on the page itself it is dark or not."""
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
