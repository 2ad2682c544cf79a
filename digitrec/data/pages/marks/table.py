"""Tables: cells with digits, numbers or nothing in them, their lines and their backgrounds."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitrec.data.pages.dice import Dice
from digitrec.data.pages.layouts import LEAST_HEIGHT, Hand
from digitrec.data.pages.marks.printed import Print, pattern
from digitrec.data.raster import Point, line, polygon
from digitrec.models.normalization import BOX

Place = Callable[[float, float], Point]
"""Takes a place along a table's lines to one on the page."""


def table(hand: Hand, page: Print) -> None:
    """Write and print cells with a digit, a number or nothing in them; the writing may run into the rules."""
    dice, canvas = hand.dice, hand.canvas
    side = min(canvas.height, canvas.width)
    height = hand.height = dice.log_uniform(LEAST_HEIGHT, max(20, min(0.6 * side, 52)))
    digits = 1 if dice.chance(0.55) else 2 + dice.below(4)
    cell_width = height * (dice.uniform(0.95, 2.4) if digits == 1 else digits * dice.uniform(0.75, 1.1) + 0.3)
    cell_height = height * (dice.uniform(1.0, 1.3) if dice.chance(0.4) else dice.uniform(1.15, 2.2))
    x0 = min(canvas.width * 0.4, dice.uniform(-0.3, 0.8) * cell_width)
    y0 = min(canvas.height * 0.4, dice.uniform(-0.3, 0.8) * cell_height)
    xs, ys = (
        np.arange(x0, canvas.width + cell_width, cell_width),
        np.arange(y0, canvas.height + cell_height, cell_height),
    )
    ys = ys[:2] if dice.chance(0.25) else ys
    cos, sin = math.cos(hand.tilt), math.sin(hand.tilt)

    def place(x: float, y: float) -> Point:
        return cos * x - sin * y, sin * x + cos * y

    _cells(dice, page, xs, ys, place)
    empty = dice.uniform(0, 0.35) if dice.chance(0.4) else 0.0
    over = dice.uniform(0, 0.4) if dice.chance(0.5) else 0.0
    for y in ys[:-1]:
        for x in xs[:-1]:
            if not dice.chance(empty):
                _fill_cell(hand, (x, y), (cell_width, cell_height), digits, over, place)
    _table_lines(hand, page, xs, ys, place)


def _fill_cell(
    hand: Hand,
    corner: tuple[float, float],
    size: tuple[float, float],
    digits: int,
    over: float,
    place: Place,
) -> None:
    """Write into a cell, up to ``over`` heights of a digit into its rules."""
    dice, height = hand.dice, hand.height
    slack = max(0.0, size[1] - height) * 0.45 + over * height
    y = corner[1] + size[1] / 2 + dice.uniform(-1, 1) * slack
    advance = height * 0.8 if digits > 1 else 0.0
    free = size[0] - advance * (digits - 1) - height * 0.75
    x = corner[0] + height * 0.37 + max(0.0, free) * dice.uniform(0.05, 0.95)
    x += dice.uniform(-0.5, 0.5) * over * height
    marked = True
    for _ in range(digits):
        marked = not marked and dice.chance(hand.marks / 2)
        where = place(x, y + dice.normal(0.04) * height)
        hand.write(
            hand.mark() if marked else hand.digit(), *where, height / BOX * dice.log_uniform(0.85, 1.12)
        )
        x += advance * dice.uniform(0.9, 1.15)


def _table_lines(
    hand: Hand, page: Print, xs: NDArray[np.float64], ys: NDArray[np.float64], place: Place
) -> None:
    dice, height, canvas = hand.dice, hand.height, hand.canvas
    width = dice.log_uniform(0.6, max(1.0, height * 0.12))
    thick = dice.uniform(1, max(2, height * 0.3)) if dice.chance(0.3) else width
    style = dice.pick(("grid", "boxes", "under", "columns"), (0.55, 0.25, 0.12, 0.08))
    if style == "boxes":
        gap = dice.uniform(0.02, 0.15) * min(xs[1] - xs[0], ys[1] - ys[0])
        for y, below in pairwise(ys):
            for x, right in pairwise(xs):
                corners = [
                    (x + gap, y + gap),
                    (right - gap, y + gap),
                    (right - gap, below - gap),
                    (x + gap, below - gap),
                ]
                line(page.lines, [place(*corner) for corner in [*corners, corners[0]]], width)
        return
    past = dice.uniform(0, 0.5) * height if dice.chance(0.5) else 0.0  # the corner
    left, right = (-canvas.width, 2 * canvas.width) if dice.chance(0.3) else (xs[0] - past, xs[-1] + past)
    top, bottom = (-canvas.height, 2 * canvas.height) if dice.chance(0.3) else (ys[0] - past, ys[-1] + past)
    often = dice.below(4) + 1
    if style != "columns":
        for number, y in enumerate(ys):
            line(page.lines, [place(left, y), place(right, y)], thick if number % often == 0 else width)
    if style in ("grid", "columns"):
        for number, x in enumerate(xs):
            line(page.lines, [place(x, top), place(x, bottom)], thick if number % often == 0 else width)


def _cells(dice: Dice, page: Print, xs: NDArray[np.float64], ys: NDArray[np.float64], place: Place) -> None:
    """Give the cells a background: all of them, every second row, or some."""
    if not dice.chance(0.3):
        return
    mask = np.zeros_like(page.cells)
    which = dice.pick(("all", "rows", "some"))
    for number, (y, below) in enumerate(pairwise(ys)):
        if which == "rows" and number % 2:
            continue
        for x, right in pairwise(xs):
            if which != "some" or dice.chance(0.5):
                polygon(mask, [place(x, y), place(right, y), place(right, below), place(x, below)])
    pattern(dice, page, mask)
