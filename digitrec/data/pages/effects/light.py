"""The light on a photographed page: uneven, with the shadows of things, also right through a digit."""

import math

import numpy as np

from digitrec.data.pages.canvas import Canvas
from digitrec.data.pages.dice import Dice
from digitrec.data.raster import ONE, Ink, Plane, Point, blur, resize, shift


def raise_lines(dice: Dice, gray: Plane, lines: Ink) -> Plane:
    """Give frames and borders a shadow, as if they stood out of the page."""
    cover = resize(lines, (gray.shape[1], gray.shape[0]), "area").astype(np.float32) * ONE
    reach = dice.log_uniform(0.7, 4)
    shadow = blur(shift(cover, dice.normal(reach), dice.normal(reach)), reach)
    result: Plane = gray * (1 - np.float32(dice.uniform(0.2, 0.7)) * shadow * (1 - cover))
    return result


def shine(dice: Dice, gray: Plane, canvas: Canvas) -> Plane:
    """Give the page its light: more from one side, less in the corners, less where a shadow falls."""
    height, width = gray.shape
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = dice.uniform(0, 0.35) / 2
    light = 1 + np.float32(slope * dice.normal(1)) * x + np.float32(slope * dice.normal(1)) * y
    if dice.chance(0.4):
        light -= np.float32(dice.uniform(0, 0.35)) * (x * x + y * y)
    if dice.chance(0.5):
        middle = np.float32(width / 2), np.float32(height / 2)
        light *= _shadow(dice, x * middle[0], y * middle[1], _place_of_shadow(dice, canvas, gray.shape))
    result: Plane = gray * np.clip(light, 0.15, 1.6)
    return result


def _place_of_shadow(dice: Dice, canvas: Canvas, shape: tuple[int, ...]) -> Point:
    """Choose a place, from the picture's center, that the edge of a shadow goes through: often a digit's."""
    height, width = shape
    if not canvas.items or dice.chance(0.6):
        return dice.uniform(-0.5, 0.5) * width, dice.uniform(-0.5, 0.5) * height
    item = canvas.items[dice.below(len(canvas.items))]
    x, y = item.x + dice.normal(0.3 * item.size), item.y + dice.normal(0.3 * item.size)
    return x * width / canvas.width - width / 2, y * height / canvas.height - height / 2


def _shadow(dice: Dice, x: Plane, y: Plane, through: Point) -> Plane:
    """Return the share of the light that is left by the shadow of a straight edge, a corner or a bar."""
    softness, angle = np.float32(dice.log_uniform(0.3, 30)), dice.uniform(0, 2 * math.pi)
    bar = dice.chance(0.25)
    covered = np.ones((y.shape[0], x.shape[1]), np.float32)
    for number in range(2 if bar else 1 + dice.below(2)):
        cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        inside = cos * (x - np.float32(through[0])) + sin * (y - np.float32(through[1]))
        if bar and number:
            inside += np.float32(dice.uniform(0.1, 0.6) * min(covered.shape))
        covered *= np.clip(inside / softness + np.float32(0.5), 0, 1)
        angle += math.pi if bar else dice.uniform(0.8, 2.2)
    result: Plane = 1 - np.float32(1 - dice.uniform(0.25, 0.92)) * covered
    return result
