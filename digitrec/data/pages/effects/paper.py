"""From coverage to gray levels: paper, tones of pen and print, scans and drawings."""

from dataclasses import dataclass

import numpy as np

from digitrec.data.pages.canvas import Canvas
from digitrec.data.pages.dice import Dice
from digitrec.data.pages.marks.printed import Print
from digitrec.data.raster import Ink, Plane, resize, widened


@dataclass(frozen=True)
class Source:
    """Where a picture comes from, and its tones, 0 to 255.

    kind: ``photo``, ``drawing`` (a screen: no light, no noise), ``scan`` (thresholded to black and white).
    paper, contrast: gray of the paper, and how much darker the ink is.
    shrink: by how much the picture was smaller before it was enlarged; 1 if it was not.
    """

    kind: str
    paper: float
    contrast: float
    shrink: float


def choose_source(dice: Dice, side: int, height: float) -> Source:
    """Draw a source for a scene of that shorter side and height of a digit, in pixels."""
    kind = dice.pick(("photo", "drawing", "scan"), (0.72, 0.19, 0.09))
    if kind == "photo":
        paper = dice.uniform(90, 255)
        contrast = min(
            paper - 3, dice.log_uniform(18, 240) if dice.chance(0.3) else dice.log_uniform(32, 240)
        )
    else:
        paper = 255.0 if dice.chance(0.6) else dice.uniform(150, 255)
        contrast = paper if dice.chance(0.7) else dice.uniform(0.2, 1) * paper
    shrink = 1.0
    if dice.chance(0.25) and side / max(height, 1) < 6 and height > 20:
        shrink = min(dice.uniform(1.5, 5), height / 11)
    return Source(kind, paper, contrast, shrink)


def expose(dice: Dice, source: Source, canvas: Canvas, page: Print) -> Plane:
    """Return the gray levels of the flat page, smaller by source.shrink."""
    size = round(canvas.width / source.shrink), round(canvas.height / source.shrink)

    def fit(plane: Plane) -> Plane:
        return resize(plane, size, "area") if source.shrink > 1 else plane

    written = fit(canvas.written)
    if source.kind == "scan":
        written = _thresholded(dice, written)
    elif source.kind == "drawing" and dice.chance(0.35):
        written = (written > 0.4).astype(np.float32)  # without smooth edges
    gray = np.full(written.shape, source.paper, np.float32)
    if source.kind == "photo" and dice.chance(0.4):
        coarse = dice.noise(max(2, size[1] // 6), max(2, size[0] // 6))
        texture = resize(coarse, size, "cubic")
        gray += min(dice.uniform(1, 8), source.contrast / 10) * texture
    for plane, tone in zip(
        (page.cells, page.rules, page.text, page.lines, page.pen), _tones(dice, source), strict=True
    ):
        if plane.any():
            cover = fit(plane.astype(np.float32)) / 255
            if source.kind == "scan":
                cover = (cover > 0.5).astype(np.float32)
            gray += (tone - gray) * cover
    ink = source.paper - source.contrast
    if dice.chance(0.5):  # ink over print, or the darker of both
        gray += (ink - gray) * written
    else:
        gray = np.minimum(gray, source.paper + (ink - source.paper) * written)
    return gray


def _tones(dice: Dice, source: Source) -> tuple[float, ...]:
    """Return the gray of cells, rules, text, lines and the pen's other strokes."""
    paper, contrast = source.paper, source.contrast
    ink = paper - contrast

    def any_tone() -> float:
        if dice.chance(0.5):
            return max(0.0, paper - contrast * dice.uniform(0.3, 1.1))
        return paper - min(paper - 3, dice.log_uniform(15, 220))

    cells = paper - contrast * dice.uniform(0.08, 0.5)
    rules = paper - contrast * dice.uniform(0.1, 0.9) if dice.chance(0.8) else any_tone()
    return cells, rules, any_tone(), any_tone(), any_tone() if dice.chance(0.4) else ink


def _thresholded(dice: Dice, written: Plane) -> Plane:
    """Return the strokes of a thresholded scan: worn to dots, broken or frayed, never gray."""
    kind = dice.below(3)
    if kind == 0:
        kept = dice.generator.random(written.shape, np.float32) > dice.uniform(0.1, 0.55)
        return ((written > 0.45) & kept).astype(np.float32)
    height, width = written.shape
    coarse = 1 + dice.below(4)
    rough = resize(dice.noise(max(2, height // coarse), max(2, width // coarse)), (width, height))
    if kind == 1:
        return (written > 0.45 + dice.uniform(0.1, 0.35) * rough).astype(np.float32)
    return (written * (1 - dice.uniform(0.2, 0.6) * np.clip(rough, 0, None)) > 0.4).astype(np.float32)


def clear_of_writing(canvas: Canvas, plane: Ink) -> None:
    """Take from a plane what falls on the digits and marks, with a pixel around them."""
    if plane.any() and canvas.items:
        plane[widened(canvas.foreground > 0.1)] = 0
