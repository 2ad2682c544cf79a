"""Where a photographed sheet lies: on a desk among other things, or in a hand."""

import math

import numpy as np

from digitrec.data.pages.canvas import Box, Canvas
from digitrec.data.pages.dice import Dice
from digitrec.data.raster import ONE, Ink, Plane, Point, blur, ellipse, line, polygon, resize, shift


def lay(dice: Dice, gray: Plane, canvas: Canvas, paper: float) -> Plane:
    """Lay the sheet on a desk: some or all of its edges are in the picture, beyond the writing."""
    inside = _sheet(dice, gray.shape, _margins(dice, canvas))
    desk = _desk(dice, gray.shape, paper)
    if dice.chance(0.4):  # the sheet throws a shadow on what is below it
        reach = dice.log_uniform(1, 8)
        shadow = blur(shift(inside, dice.normal(reach), dice.normal(reach)), reach)
        desk = desk * (1 - np.float32(dice.uniform(0.2, 0.7)) * shadow)
    result: Plane = gray * inside + desk * (1 - inside)
    return result


def _margins(dice: Dice, canvas: Canvas) -> Box:
    """Return the free room left of, above, right of and below the writing, as a share of the picture."""
    bounds = canvas.bounds()
    if bounds is None:
        return dice.uniform(0, 0.5), dice.uniform(0, 0.5), dice.uniform(0, 0.5), dice.uniform(0, 0.5)
    left, top, right, bottom = bounds
    width, height = canvas.width, canvas.height
    return left / width, top / height, 1 - right / width, 1 - bottom / height


def _sheet(dice: Dice, shape: tuple[int, ...], margins: Box) -> Plane:
    """Return the share of each pixel that the sheet covers."""
    height, width = shape
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    inside = np.ones(shape, np.float32)
    often = 0.95 if dice.chance(0.2) else 0.45  # a card, or a page that fills most of the picture
    sides = ((x, y, width), (y, x, height), (1 - x, y, width), (1 - y, x, height))
    for margin, (along, across, length) in zip(margins, sides, strict=True):
        if dice.chance(often) and margin > 0.03:
            at = np.float32(margin * dice.uniform(0.1, 0.85))
            lean = dice.normal(0.04) if dice.chance(0.7) else dice.normal(0.2)
            slope = np.float32(lean * min(0.5, margin * 0.6))
            inside *= np.clip((along - at - slope * (across - 0.5)) * length + 0.5, 0, 1)
    return inside


def _desk(dice: Dice, shape: tuple[int, ...], paper: float) -> Plane:
    """Return wood, cloth, or a clutter of other things."""
    height, width = shape
    tone = dice.uniform(5, 250) if dice.chance(0.3) else dice.uniform(10, max(11, paper * 0.8))
    rows, columns = int(height / dice.log_uniform(1, 12)), int(width / dice.log_uniform(1, 12))
    rough = resize(dice.noise(max(2, rows), max(2, columns)), (width, height))
    desk: Plane = np.float32(tone) + np.float32(dice.uniform(0, 25)) * rough
    if dice.chance(0.35):
        for _ in range(1 + dice.below(5)):
            layer = np.zeros((height, width), np.uint8)
            _thing(dice, layer)
            desk += (np.float32(dice.uniform(0, 255)) - desk) * (layer.astype(np.float32) * ONE)
    return desk


def _thing(dice: Dice, layer: Ink) -> None:
    """Put something down: a cup, a pencil, another sheet: an ellipse, a bar, a polygon."""
    height, width = layer.shape
    center = np.array([dice.uniform(0, width), dice.uniform(0, height)])
    size = dice.log_uniform(0.1, 0.7) * min(height, width)
    kind = dice.below(3)
    if kind == 0:
        middle = float(center[0]), float(center[1])
        ellipse(layer, middle, (size, size * dice.uniform(0.2, 1)), dice.uniform(0, 180))
    elif kind == 1:
        angle = dice.uniform(0, math.pi)
        half = np.array([math.cos(angle), math.sin(angle)]) * size * 2
        line(layer, np.stack([center - half, center + half]), max(1.5, size * dice.uniform(0.05, 0.3)))
    else:
        polygon(layer, center + dice.generator.normal(0, size, (4, 2)))


def hold(dice: Dice, gray: Plane, canvas: Canvas) -> Plane:
    """Hold the sheet in a hand: one to three fingers from an edge, if they cover nothing that is written."""
    height, width = gray.shape
    layer = np.zeros(gray.shape, np.uint8)
    side, thick = dice.below(4), dice.uniform(0.08, 0.3) * min(height, width)
    at = dice.uniform(0, 1) * (width if side % 2 else height)
    for number in range(1 + dice.below(3)):
        along = at + number * thick * 1.15
        reach = dice.uniform(0.05, 0.45) * (height if side % 2 else width)
        ends: list[Point] = [(-9.0, along), (reach, along + dice.normal(0.2) * thick)]
        if side % 2:
            ends = [(y, x) for x, y in ends]
        if side >= 2:
            ends = [(width - x, height - y) for x, y in ends]
        line(layer, np.linspace(ends[0], ends[1], 10), thick)  # so many points that its end is round
    written = resize((canvas.foreground > 0.05).astype(np.float32), (width, height), "area") > 0
    if layer[written].any():
        return gray
    cover = blur(layer, dice.uniform(0.4, 1.5)).astype(np.float32) * ONE
    shade = blur(cover, max(1.0, thick * 0.2))
    shaded = gray * (1 - np.float32(0.3) * shade)
    skin = np.float32(dice.uniform(60, 220)) * (np.float32(0.6) + np.float32(0.4) * shade)
    result: Plane = shaded + (skin - shaded) * cover
    return result
