"""What is printed on a page besides tables: rules, boxes, patterns, thick borders, text."""

import math
from dataclasses import dataclass

import numpy as np

from digitrec.data.pages.canvas import Canvas
from digitrec.data.pages.dice import Dice
from digitrec.data.pages.layouts import Hand
from digitrec.data.raster import Ink, line, place, resize


@dataclass
class Print:
    """Planes of print, uint8 coverage; each gets a tone of its own.

    cells: patterns and fills behind everything. rules: ruled lines of the paper. lines: tables, boxes,
    borders. text: printed words and numbers. pen: what the writer's pen leaves besides digits and marks.
    """

    cells: Ink
    rules: Ink
    lines: Ink
    text: Ink
    pen: Ink

    @classmethod
    def on(cls, canvas: Canvas) -> "Print":
        """Return empty planes for a canvas."""
        return cls(*(canvas.plane() for _ in range(5)))


def pattern(dice: Dice, page: Print, mask: Ink) -> None:
    """Fill where the mask is: plain, stippled, hatched or checkered."""
    height, width = mask.shape
    y, x = np.mgrid[:height, :width]
    kind = dice.pick(("plain", "stipple", "diagonal", "hatch", "checks"), (0.3, 0.25, 0.15, 0.2, 0.1))
    period = 2 + dice.below(4)
    if kind == "stipple":
        filled = ((x + y) % period == 0) & ((x - y) % (1 + dice.below(3)) == 0)
    elif kind == "diagonal":
        filled = (x + (1 if dice.chance(0.5) else -1) * y) % (2 + dice.below(4)) == 0
    elif kind == "hatch":
        angle, pitch = dice.uniform(0, math.pi), dice.uniform(3, 10)
        filled = (math.cos(angle) * x + math.sin(angle) * y) % pitch < max(
            1.0, pitch * dice.uniform(0.1, 0.4)
        )
    elif kind == "checks":
        filled = (x // period + y // period) % 2 == 0
    else:
        filled = np.ones((height, width), bool)
    np.maximum(page.cells, mask * filled, out=page.cells)


def ruled_row(hand: Hand, page: Print, lines: list[tuple[float, float, float]]) -> None:
    """Put each line of writing on a rule, or between two; digits touch it, cross it or stand clear of it."""
    dice, height, canvas = hand.dice, hand.height, hand.canvas
    slope, middle = math.tan(hand.tilt), canvas.width / 2
    width = dice.log_uniform(0.6, max(1.2, height * 0.12))
    below = (dice.uniform(0.44, 0.55) if dice.chance(0.35) else dice.uniform(0.3, 0.75)) * height
    above = -dice.uniform(0.4, 0.9) * height if dice.chance(0.6) else None
    border = dice.uniform(width, max(width, height * 0.35)) if dice.chance(0.5) else 0.0
    past = dice.uniform(0, 0.5) * height if dice.chance(0.4) else 0.0  # the corners of borders and rules
    for start, end, y in lines:
        whole = dice.chance(0.5)
        left, right = (
            (-9.0, canvas.width + 9.0)
            if whole
            else (start - dice.uniform(0.1, 0.8) * height, end + dice.uniform(0.05, 0.8) * height)
        )
        for away in (below, above):
            if away is not None:
                ends = [(x, y + away + (x - middle) * slope) for x in (left - past, right + past)]
                line(page.lines, ends, width)
        if border and not whole:
            top = (above if above is not None else -0.8 * height) - past
            for x in (left, right) if dice.chance(0.7) else (left,):
                ends = [(x - a * slope, y + a + (x - middle) * slope) for a in (top, below + past)]
                line(page.lines, ends, border)
    if dice.chance(0.2):
        mask = canvas.plane()
        mask[:] = 255
        pattern(dice, page, mask)


def frames(hand: Hand, page: Print) -> None:
    """Print a box or a circle round each digit, or round one."""
    dice, height = hand.dice, hand.height
    items = hand.canvas.items
    for item in items if dice.chance(0.6) else items[:1]:
        gap, width = dice.uniform(0.02, 0.45) * height, dice.log_uniform(0.7, max(1.0, height * 0.14))
        left, top, right, bottom = item.box
        if dice.chance(0.75):
            corners = [
                (left - gap, top - gap),
                (right + gap, top - gap),
                (right + gap, bottom + gap),
                (left - gap, bottom + gap),
            ]
            line(page.lines, [*corners, corners[0]], width)
        else:
            angles = np.linspace(0, 2 * math.pi, 40)
            radius = item.size / 2 + gap
            circle = np.stack([item.x + radius * np.cos(angles), item.y + radius * np.sin(angles)], axis=1)
            line(page.lines, circle, width)


def border(hand: Hand, page: Print) -> None:
    """Print thick bars beside the writing, longer than a digit or cut by the scene's edge."""
    dice, canvas, height = hand.dice, hand.canvas, hand.height or 30.0
    bounds = canvas.bounds()
    if bounds is None:
        bounds = (0.4 * canvas.width, 0.4 * canvas.height, 0.6 * canvas.width, 0.6 * canvas.height)
    width, gap = dice.uniform(0.06, 0.5) * height, dice.uniform(0.02, 0.5) * height
    left, top, right, bottom = bounds
    lean = math.tan(hand.tilt) * canvas.height / 2
    for side in range(4):
        if not dice.chance(0.4):
            continue
        if side % 2 == 0:
            x = left - gap - width / 2 if side == 0 else right + gap + width / 2
            line(page.lines, [(x + lean, -9), (x - lean, canvas.height + 9)], width)
        else:
            y = top - gap - width / 2 if side == 1 else bottom + gap + width / 2
            line(page.lines, [(-9, y - lean), (canvas.width + 9, y + lean)], width)


def paper_rules(hand: Hand, page: Print) -> None:
    """Rule the paper in lines or squares, with a margin line at times."""
    dice, canvas = hand.dice, hand.canvas
    height = hand.height or 30.0
    pitch = max(4.0, height * (dice.uniform(1.0, 2.2) if dice.chance(0.5) else dice.uniform(0.25, 1.3)))
    angle = hand.tilt if dice.chance(0.8) else dice.normal(0.1)
    width = dice.log_uniform(0.3, max(0.6, min(3, 0.07 * height)))
    y, x = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    ways = [-math.sin(angle) * x + math.cos(angle) * y]
    if dice.chance(0.5):
        ways.append(math.cos(angle) * x + math.sin(angle) * y)
    for along in ways:
        away = np.abs((along + dice.uniform(0, pitch)) % pitch - pitch / 2)
        cover = np.clip(width / 2 - away + 0.5, 0, min(1, width))
        np.maximum(page.rules, (255 * cover).astype(np.uint8), out=page.rules)
    if dice.chance(0.15):
        at = dice.uniform(0, canvas.width)
        line(
            page.rules, [(at, -9), (at + math.tan(angle) * canvas.height, canvas.height + 9)], max(0.7, width)
        )


def text(hand: Hand, page: Print, fonts: list[Ink]) -> None:
    """Print words and numbers beside the writing; what falls on a digit is left out.

    Small print is background. Printed digits as large as the writing are neither asked for nor refused.
    """
    dice, canvas = hand.dice, hand.canvas
    height = hand.height or dice.uniform(14, 50)
    for _ in range(1 + dice.below(3)):
        strip = fonts[dice.below(len(fonts))]
        size = height * dice.log_uniform(0.18, 0.9)
        scale = max(size, 4.0) / 24
        if scale < 0.8:
            rows, columns = (max(1, round(side * scale)) for side in strip.shape)
            strip = resize(strip, (columns, rows), "area")
            scale = 1.0
        angle = hand.tilt if dice.chance(0.9) else hand.tilt + math.pi / 2
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        x, y = dice.uniform(-0.3, 0.9) * canvas.width, dice.uniform(0, 1) * canvas.height
        matrix = np.array([[cos, -sin, x], [sin, cos, y]])
        layer = place(strip, matrix, (canvas.width, canvas.height))
        np.maximum(page.text, layer, out=page.text)
        if size > 0.6 * height:
            canvas.ignored |= layer > 60
