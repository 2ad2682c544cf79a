"""What lens, sensor and file do to a picture."""

from typing import Literal

import numpy as np

from digitrec.data.pages.dice import Dice
from digitrec.data.pages.effects.paper import Source
from digitrec.data.raster import ONE, Ink, Plane, blur, resize, through_jpeg

RESIZING: tuple[Literal["linear", "cubic", "nearest"], ...] = "linear", "cubic", "nearest"
"""How small pictures are enlarged."""


def develop(
    dice: Dice, gray: Plane, source: Source, height: float, size: tuple[int, int], written: bool
) -> Ink:
    """Blur, noise, JPEG, enlargement, inversion and gamma.

    Args:
        dice: decides.
        gray: the page in its light.
        source: where it comes from.
        height: of a digit, in pixels; a small one is blurred less.
        size: width and height of the result.
        written: whether there is something on the page, which noise must not drown.

    Returns:
        uint8 of that size.
    """
    if source.kind == "photo":
        if dice.chance(0.6):
            gray = blur(gray, dice.uniform(0.3, 1.3 if height > 20 else 0.8))
        if dice.chance(0.7):
            spread = min(dice.log_uniform(0.5, 9), source.contrast / 7 if written else 99)
            gray = gray + np.float32(spread) * dice.noise(*gray.shape)
    elif dice.chance(0.25):
        gray = blur(gray, dice.uniform(0.3, 1.2))
    gray = np.clip(gray, 0, 255)
    if dice.chance(0.35):
        quality = 25 + dice.below(71)
        gray = through_jpeg(gray.astype(np.uint8), quality).astype(np.float32)
    if source.shrink > 1:
        how = dice.pick(RESIZING, (0.25, 0.5, 0.25))
        gray = np.clip(resize(gray, size, how), 0, 255)
    if dice.chance(0.35):
        gray = 255 - gray
    if dice.chance(0.2):
        gray = np.float32(255) * (gray * ONE) ** np.float32(dice.log_uniform(0.6, 1.6))
    if source.kind == "photo" and dice.chance(0.05):
        gray = gray * np.float32(dice.uniform(0.25, 0.8))
    return gray.astype(np.uint8)
