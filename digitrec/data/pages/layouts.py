"""What is written in a scene and where: single digits, rows, tables, scattered digits, or none."""

import math
from dataclasses import dataclass

import numpy as np

from digitrec.data.glyphs import KINDS, MARK, Glyphs
from digitrec.data.pages.canvas import Canvas, Pose
from digitrec.data.pages.dice import Dice
from digitrec.models.normalization import BOX


@dataclass(frozen=True)
class Shares:
    """How often a scene is of each kind; they need not sum to 1."""

    single: float = 0.24
    rows: float = 0.36
    table: float = 0.14
    scattered: float = 0.07
    empty: float = 0.2
    tiny: float = 0.03
    huge: float = 0.07


COMMON = "+-=x÷///%()"
"""Signs of sums and dates, which stand between digits more often than others; each as often as it is named.

Slashes look like a slanted 1: only many of them teach what tells the two apart.
"""


UNCLEAR = "-/()[]:.,"
"""Signs that, without another one beside them, look like a 1, a rule or a speck."""

LEAST_HEIGHT = 16.0
"""Pixels of a digit that must be found, at least: half of those of 12 to 16 pixels were illegible."""

AGAIN = 0.3
"""How much less often a mark follows a mark than a digit."""


class Pool:
    """Glyphs sorted by what they show.

    Args:
        glyphs: digits and marks.
        drawn: how many of the last digits are drawn from skeletons.
    """

    def __init__(self, glyphs: Glyphs, drawn: int) -> None:
        self.glyphs = glyphs
        digits = np.flatnonzero(glyphs.labels < MARK)
        self.written, self.drawn = digits[: len(digits) - drawn], digits[len(digits) - drawn :]
        self.of_digit = [np.flatnonzero(glyphs.labels == digit) for digit in range(10)]
        self.points = np.flatnonzero(np.isin(glyphs.labels, [MARK + KINDS.index(point) for point in ".,"]))
        letter = MARK + KINDS.index("letter")
        self.letters = np.flatnonzero(glyphs.labels == letter)
        marks = np.flatnonzero((glyphs.labels >= MARK) & (glyphs.labels != letter))
        self.signs = np.setdiff1d(marks, self.points)
        common = [np.flatnonzero(glyphs.labels == MARK + KINDS.index(sign)) for sign in COMMON]
        self.common = np.concatenate(common)
        unclear = [MARK + KINDS.index(sign) for sign in UNCLEAR]
        self.clear = np.flatnonzero((glyphs.labels >= MARK) & ~np.isin(glyphs.labels, unclear))

    def width(self, index: int) -> float:
        """Return the width of a glyph, in units."""
        return float(self.glyphs.boxes[index, 2] - self.glyphs.boxes[index, 0])


class Hand:
    """Somebody's way of writing in a scene: pen, slant, turn and how even it is.

    Args:
        dice: decides.
        canvas: where it writes.
        pool: the glyphs that it writes.
    """

    def __init__(self, dice: Dice, canvas: Canvas, pool: Pool) -> None:
        self.dice, self.canvas, self.pool = dice, canvas, pool
        self.tilt = dice.normal(0.04) if dice.chance(0.8) else dice.normal(0.15)
        self.pen = dice.log_uniform(0.035, 0.22) if dice.chance(0.8) else dice.log_uniform(0.02, 0.36)
        self.shear = dice.normal(0.14)
        self.rotation = dice.normal(0.06) + self.tilt
        self.uneven = dice.uniform(0, 1)
        self.only = dice.below(10) if dice.chance(0.1) else 1 if dice.chance(0.06) else None
        self.drawn = dice.pick((0.0, 0.28, 0.9), (0.2, 0.65, 0.15))
        self.marks = dice.uniform(0.1, 0.6) if dice.chance(0.55) else 0.0
        self.no_digits = dice.chance(0.14)
        self.height = 0.0

    def digit(self) -> int:
        """Choose a digit."""
        if self.only is not None:
            chosen = self.pool.of_digit[self.only]
        else:
            chosen = self.pool.drawn if self.dice.chance(self.drawn) else self.pool.written
        return int(chosen[self.dice.below(len(chosen))])

    def mark(self) -> int:
        """Choose a mark: a sign, often one of sums, a point or comma, seldom a letter."""
        pool, points = self.pool, 0.15 if self.no_digits else 0.4
        choices = pool.common, pool.signs, pool.points, pool.letters
        chosen = self.dice.pick(choices, (0.35, 0.15, points, 0.1))
        return int(chosen[self.dice.below(len(chosen))])

    def clear_mark(self) -> int:
        """Choose a sign or letter that is no digit even where it stands alone."""
        return int(self.pool.clear[self.dice.below(len(self.pool.clear))])

    def letter(self) -> int:
        """Choose a letter."""
        return int(self.pool.letters[self.dice.below(len(self.pool.letters))])

    def write(self, index: int, x: float, y: float, scale: float, target: bool = True) -> None:
        """Write a glyph at a place, so many pixels a unit."""
        dice = self.dice
        pen = float(np.clip(BOX * self.pen * dice.log_uniform(0.85, 1.18), 0.25, 7.5))
        pen = max(pen, 0.6 / scale)
        rotation = self.rotation + dice.normal(0.06) * self.uneven
        shear = self.shear + dice.normal(0.06)
        solidity = dice.uniform(0.75, 1) if dice.chance(0.3) else 1.0
        pose = Pose(x, y, scale, pen, rotation, shear, dice.log_uniform(0.75, 1.22), solidity)
        self.canvas.write(self.pool.glyphs, index, pose, dice, target)


def single(hand: Hand) -> None:
    """Write one digit, large in the scene; seldom a clear mark alone."""
    dice, canvas = hand.dice, hand.canvas
    side = min(canvas.height, canvas.width)
    share = dice.uniform(0.25, 0.75) if dice.chance(0.45) else dice.uniform(0.6, 1.0)
    share = share if dice.chance(0.85) else dice.uniform(0.85, 1.06)
    hand.height = min(side * share, dice.uniform(74, 96))
    slack_x = max(0.0, canvas.width / 2 - hand.height * 0.42)
    slack_y = max(0.0, canvas.height / 2 - hand.height * 0.5)
    stray = dice.uniform(0, 1) if dice.chance(0.5) else 0.2
    x = canvas.width / 2 + dice.uniform(-1, 1) * slack_x * stray
    y = canvas.height / 2 + dice.uniform(-1, 1) * slack_y * stray
    index = hand.digit() if dice.chance(0.91) else hand.clear_mark()
    hand.write(index, x, y, hand.height / BOX)


def rows(hand: Hand, tiny: bool = False) -> list[tuple[float, float, float]]:
    """Write lines of digits, with marks between them.

    Returns:
        For each line: its first and last x, and the y of its middle, before the tilt.
    """
    dice, canvas = hand.dice, hand.canvas
    side = min(canvas.height, canvas.width)
    height = hand.height = (
        dice.log_uniform(3, 8) if tiny else dice.log_uniform(LEAST_HEIGHT, max(22, min(0.85 * side, 72)))
    )
    leading = dice.uniform(1.15, 2.2) * height * (3 if tiny else 1)
    count = max(1, int(canvas.height / leading)) if dice.chance(0.6) else 1
    gap = dice.uniform(-0.08, 0.12) if dice.chance(0.3) else dice.uniform(0.05, 0.9)
    free = max(0.0, canvas.height - (count - 1) * leading - height * 1.1)
    y = height * 0.55 + dice.uniform(0, 1) * free
    jitter = dice.uniform(0, 0.12)
    start = dice.uniform(0, 0.5) if dice.chance(0.5) else 0.0
    space = dice.uniform(0, 0.25) if dice.chance(0.4) else 0.0
    lines = []
    for _ in range(count):
        x = height * 0.1 + start * canvas.width * dice.uniform(0.5, 1) + dice.uniform(0, height * 0.2)
        lines.append((x, _row(hand, x, y, gap, jitter, space, not tiny), y))
        y += leading
    return lines


def _row(hand: Hand, x: float, y: float, gap: float, jitter: float, space: float, target: bool) -> float:
    """Write a line from x on; return where it ends."""
    dice, canvas, height = hand.dice, hand.canvas, hand.height
    slope, middle = math.tan(hand.tilt), canvas.width / 2
    ended, marked = x, False
    while x < canvas.width:
        if space and dice.chance(space):
            x += height * dice.uniform(0.3, 1.2)
        marked = hand.no_digits or dice.chance(hand.marks * (AGAIN if marked else 1))
        index = hand.mark() if marked else hand.digit()
        width = hand.pool.width(index) / BOX * height
        if x + width > canvas.width - 1 and dice.chance(0.8):
            break
        glyph_x, glyph_y = x + width / 2, y + dice.normal(jitter) * height * (not marked)
        box = hand.pool.glyphs.boxes[index]
        if marked:  # its box is not in the middle of its frame
            glyph_x -= float(box[0] + box[2]) / 2 / BOX * height
        scale = height / BOX * (dice.log_uniform(0.85, 1.3) if marked else dice.log_uniform(0.88, 1.13))
        hand.write(index, glyph_x, glyph_y + (glyph_x - middle) * slope, scale, target)
        x += width
        ended = x
        x += gap * height * dice.uniform(0.5, 1.5) + (0 if gap < 0.15 else 0.05 * height)
    return ended


def scattered(hand: Hand) -> None:
    """Write digits and some marks here and there, of several sizes."""
    dice, canvas = hand.dice, hand.canvas
    hand.height = dice.log_uniform(LEAST_HEIGHT, 0.6 * min(canvas.height, canvas.width))
    done: list[tuple[float, float, float]] = []
    for _ in range(2 + dice.below(12)):
        height = hand.height * dice.log_uniform(0.7, 1.4)
        x = dice.uniform(height * 0.4, canvas.width - height * 0.4)
        y = dice.uniform(height * 0.5, canvas.height - height * 0.5)
        if all(max(abs(x - a) / 0.9, abs(y - b)) > 0.6 * (height + c) for a, b, c in done):
            done.append((x, y, height))
            letter = hand.marks and dice.chance(hand.marks / 3)
            index = hand.letter() if letter else hand.digit()
            hand.write(index, x, y, height / BOX)


def huge(hand: Hand) -> None:
    """Write parts of strokes of digits that are larger than the scene: background at this scale."""
    dice, canvas = hand.dice, hand.canvas
    height = dice.log_uniform(135, 450)
    for _ in range(1 + dice.below(2)):
        x, y = dice.uniform(-0.3, 1.3) * canvas.width, dice.uniform(-0.3, 1.3) * canvas.height
        hand.write(hand.digit(), x, y, height / BOX, target=False)
