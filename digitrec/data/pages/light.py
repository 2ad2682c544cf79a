"""What photographs add: the sheet on a desk or in a hand, uneven light, shadows."""

import math

import cv2
import numpy as np

from digitrec.data.pages.canvas import Canvas, Ink, Plane, Point, line, polygon
from digitrec.data.pages.dice import Dice


def lay(dice: Dice, gray: Plane, canvas: Canvas, paper: float) -> Plane:
    """Lay the sheet on a desk: some or all of its edges are in the picture, beyond the writing."""
    height, width = gray.shape
    bounds = canvas.bounds()
    if bounds is None:
        free = [dice.uniform(0, 0.5) for _ in range(4)]
    else:
        left, top, right, bottom = bounds
        free = [
            left / canvas.width,
            top / canvas.height,
            1 - right / canvas.width,
            1 - bottom / canvas.height,
        ]
    x, y = (
        np.linspace(0, 1, width, dtype=np.float32)[None],
        np.linspace(0, 1, height, dtype=np.float32)[:, None],
    )
    inside = np.ones_like(gray)
    often = 0.95 if dice.chance(0.2) else 0.45  # a card, or a page that fills most of the picture
    for side, (along, across) in enumerate(((x, y), (y, x), (1 - x, y), (1 - y, x))):
        if dice.chance(often) and free[side] > 0.03:
            at = free[side] * dice.uniform(0.1, 0.85)
            lean = (dice.normal(0.04) if dice.chance(0.7) else dice.normal(0.2)) * min(0.5, free[side] * 0.6)
            length = width if side % 2 == 0 else height
            inside = inside * np.clip((along - at - lean * (across - 0.5)) * length + 0.5, 0, 1)
    desk = _desk(dice, gray.shape, paper)
    if dice.chance(0.4):  # the sheet throws a shadow on what is below it
        reach = dice.log_uniform(1, 8)
        moved = np.float32([[1, 0, dice.normal(reach)], [0, 1, dice.normal(reach)]])
        shadow = cv2.GaussianBlur(cv2.warpAffine(inside, moved, (width, height)), (0, 0), reach)
        desk = desk * (1 - dice.uniform(0.2, 0.7) * shadow)
    result: Plane = gray * inside + desk * (1 - inside)
    return result


def raise_lines(dice: Dice, gray: Plane, lines: Ink) -> Plane:
    """Give frames and borders a shadow, as if they stood out of the page."""
    height, width = gray.shape
    cover = cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    reach = dice.log_uniform(0.7, 4)
    moved = np.array([[1, 0, dice.normal(reach)], [0, 1, dice.normal(reach)]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, moved, (width, height)), (0, 0), reach)
    result: Plane = gray * (1 - np.float32(dice.uniform(0.2, 0.7)) * shadow * (1 - cover))
    return result


def _desk(dice: Dice, shape: tuple[int, ...], paper: float) -> Plane:
    """Wood, cloth, or a clutter of other things."""
    height, width = shape
    tone = dice.uniform(5, 250) if dice.chance(0.3) else dice.uniform(10, max(11, paper * 0.8))
    grain = dice.log_uniform(1, 12)
    rough = dice.noise(max(2, int(height / dice.log_uniform(1, 12))), max(2, int(width / grain)))
    desk = tone + dice.uniform(0, 25) * cv2.resize(rough, (width, height))
    if dice.chance(0.35):
        for _ in range(1 + dice.below(5)):
            layer = np.zeros((height, width), np.uint8)
            _thing(dice, layer)
            desk += (dice.uniform(0, 255) - desk) * (layer.astype(np.float32) / 255)
    return desk


def _thing(dice: Dice, layer: Ink) -> None:
    """A pencil, a cup, another sheet: a bar, an ellipse, a polygon."""
    height, width = layer.shape
    center = np.array([dice.uniform(0, width), dice.uniform(0, height)])
    size = dice.log_uniform(0.1, 0.7) * min(height, width)
    kind = dice.below(3)
    if kind == 0:
        axes = max(1, round(size)), max(1, round(size * dice.uniform(0.2, 1)))
        angle = dice.uniform(0, 180)
        cv2.ellipse(layer, (int(center[0]), int(center[1])), axes, angle, 0, 360, 255, -1, cv2.LINE_AA)
    elif kind == 1:
        angle = dice.uniform(0, math.pi)
        half = np.array([math.cos(angle), math.sin(angle)]) * size * 2
        line(layer, np.stack([center - half, center + half]), max(1.5, size * dice.uniform(0.05, 0.3)))
    else:
        polygon(layer, center + dice.generator.normal(0, size, (4, 2)))


def fingers(dice: Dice, gray: Plane, canvas: Canvas) -> Plane:
    """A hand that holds the sheet: one to three fingers from an edge, away from the writing."""
    height, width = gray.shape
    scale_x, scale_y = width / canvas.width, height / canvas.height
    layer = np.zeros(gray.shape, np.uint8)
    side, thick = dice.below(4), dice.uniform(0.08, 0.3) * min(height, width)
    at = dice.uniform(0, 1)
    for number in range(1 + dice.below(3)):
        along = at * (width if side % 2 else height) + number * thick * 1.15
        reach = dice.uniform(0.05, 0.45) * (height if side % 2 else width)
        ends: list[Point] = [(-9.0, along), (reach, along + dice.normal(0.2) * thick)]
        if side % 2:
            ends = [(y, x) for x, y in ends]
        if side >= 2:
            ends = [(width - x, height - y) for x, y in ends]
        line(layer, smooth_bar(ends), thick)
    tone = dice.uniform(60, 220)
    keep = np.zeros(gray.shape, np.uint8)
    for item in canvas.items:
        low = int(item.box[0] * scale_x) - 2, int(item.box[1] * scale_y) - 2
        cv2.rectangle(keep, low, (int(item.box[2] * scale_x) + 2, int(item.box[3] * scale_y) + 2), 255, -1)
    if (layer[keep > 0] > 0).any():
        return gray
    cover = cv2.GaussianBlur(layer, (0, 0), dice.uniform(0.4, 1.5)).astype(np.float32) / 255
    shade = cv2.GaussianBlur(cover, (0, 0), max(1.0, thick * 0.2))
    result: Plane = gray * (1 - 0.3 * shade) + (tone * (0.6 + 0.4 * shade) - gray * (1 - 0.3 * shade)) * cover
    return result


def smooth_bar(ends: list[Point]) -> np.ndarray:
    """Points along a bar, so many that its ends are drawn round."""
    return np.linspace(ends[0], ends[1], 10)


def shine(dice: Dice, gray: Plane, canvas: Canvas) -> Plane:
    """Give the page its light: from one side, darker in the corners, with the shadows of things."""
    height, width = gray.shape
    x, y = (
        np.linspace(-1, 1, width, dtype=np.float32)[None],
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
    )
    slope = dice.uniform(0, 0.35) / 2
    light = 1 + (slope * dice.normal(1)) * x + (slope * dice.normal(1)) * y
    if dice.chance(0.4):
        dark = dice.uniform(0, 0.35)
        light = light - dark * x * x - dark * y * y
    if dice.chance(0.5):
        light = light * _shadow(dice, x * (width / 2), y * (height / 2), canvas, (width, height))
    result: Plane = gray * np.clip(light, 0.15, 1.6)
    return result


def _shadow(dice: Dice, x: Plane, y: Plane, canvas: Canvas, size: tuple[int, int]) -> Plane:
    """The light that a shadow leaves: of a straight edge, a corner or a bar, often right through a digit."""
    softness, angle = dice.log_uniform(0.3, 30), dice.uniform(0, 2 * math.pi)
    through = dice.uniform(-0.5, 0.5) * size[0], dice.uniform(-0.5, 0.5) * size[1]
    if canvas.items and dice.chance(0.4):
        item = canvas.items[dice.below(len(canvas.items))]
        stray = item.size * 0.3
        through = (
            (item.x + dice.normal(stray)) * size[0] / canvas.width - size[0] / 2,
            (item.y + dice.normal(stray)) * size[1] / canvas.height - size[1] / 2,
        )
    covered = None
    bar = dice.chance(0.25)
    for number in range(2 if bar else 1 + dice.below(2)):
        inside = math.cos(angle) * (x - through[0]) + math.sin(angle) * (y - through[1])
        if bar and number:
            inside = inside + dice.uniform(0.1, 0.6) * min(size)
        part = np.clip(inside / softness + 0.5, 0, 1)
        covered = part if covered is None else covered * part
        angle += math.pi if bar else dice.uniform(0.8, 2.2)
    left = dice.uniform(0.25, 0.92)
    result: Plane = (1 - (1 - left) * covered).astype(np.float32)
    return result
