"""What a pen leaves besides digits and marks: scribbles, strokes, words, specks and blots. All background."""

import math

import numpy as np

from digitrec.data.pages.layouts import Hand
from digitrec.data.pages.marks.printed import Print
from digitrec.data.raster import disk, line, polygon
from digitrec.models.normalization import BOX


def scribble(hand: Hand, page: Print) -> None:
    """Draw a wandering line, a zigzag, or one long stroke; nothing is asked of the detector there."""
    dice, canvas, height = hand.dice, hand.canvas, hand.height or 30.0
    count, step = 3 + dice.below(11), height * dice.uniform(0.3, 1.2)
    start = np.array([dice.uniform(0, canvas.width), dice.uniform(0, canvas.height)])
    random, layer = dice.generator, canvas.plane()
    kind = dice.below(3)
    if kind == 0:
        points = start + np.cumsum(random.normal(0, step, (count, 2)), 0)
    elif kind == 1:
        across = np.arange(count) * step * dice.uniform(0.2, 0.6)
        down = (np.arange(count) % 2) * step * dice.uniform(0.3, 1) + random.normal(0, 0.15 * step, count)
        points = start + np.stack([across, down], 1)
    else:
        angle = hand.tilt + dice.normal(0.1) if dice.chance(0.5) else dice.uniform(0, math.pi)
        half = np.array([math.cos(angle), math.sin(angle)]) * dice.uniform(0.8, 3) * height
        points = np.stack([start - half, start + random.normal(0, 0.05 * height, 2), start + half])
    if kind != 2 and dice.chance(0.6):
        points = smooth(points)
    line(layer, points, max(0.7, hand.pen * height))
    if kind != 2:  # a long stroke is an underline or a deletion: background; the rest may look like a mark
        canvas.ignored |= layer > 60
    np.maximum(page.pen, layer, out=page.pen)


def smooth(points: np.ndarray) -> np.ndarray:
    """Round the corners of a polyline."""
    along = np.linspace(0, len(points) - 1, len(points) * 6)
    whole = np.arange(len(points))
    path = np.stack([np.interp(along, whole, points[:, 0]), np.interp(along, whole, points[:, 1])], 1)
    for _ in range(4):
        path[1:-1] = 0.25 * path[:-2] + 0.5 * path[1:-1] + 0.25 * path[2:]
    return path


def word(hand: Hand) -> None:
    """Write a word of letters that touch no digit; each letter is a mark."""
    dice, canvas = hand.dice, hand.canvas
    height = (hand.height or dice.uniform(14, 50)) * dice.uniform(0.5, 1.1)
    count = 1 + dice.below(6)
    advance = height * dice.uniform(0.7, 1.0)
    x, y = dice.uniform(-0.1, 0.8) * canvas.width, dice.uniform(0.05, 0.95) * canvas.height
    for _ in range(count):
        if all(
            max(abs(x - i.x), abs(y - i.y)) > 0.55 * (height + i.size) for i in canvas.items if i.is_digit
        ):
            hand.write(
                hand.letter(),
                x,
                y + (x - canvas.width / 2) * math.tan(hand.tilt),
                height / BOX,
            )
        x += advance


def specks(hand: Hand, page: Print) -> None:
    """Strew dirt: small spots anywhere."""
    dice, canvas, height = hand.dice, hand.canvas, hand.height or 30.0
    for _ in range(1 + dice.below(12)):
        center = dice.uniform(0, canvas.width), dice.uniform(0, canvas.height)
        disk(page.pen, center, dice.log_uniform(0.4, max(0.8, 0.04 * height)), dice.uniform(0.3, 1))


def blot(hand: Hand, page: Print) -> None:
    """Draw a blot, or some dark thing, away from the writing."""
    dice, height = hand.dice, hand.height or 30.0
    angles = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    radius = dice.log_uniform(0.15, 1.2) * height
    center = hand.canvas.free_place(dice, radius)
    if center is None:
        return
    random = dice.generator
    x = center[0] + radius * np.cos(angles) * random.uniform(0.6, 1.2, 12)
    y = center[1] + radius * np.sin(angles) * random.uniform(0.4, 1.2, 12)
    polygon(page.pen, np.stack([x, y], 1), dice.uniform(0.4, 1))
