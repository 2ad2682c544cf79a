"""The second family of rendered pages: what people bring beside clean photographs, scans, forms and drawings.

Tables, cells, print, signs, desks, cut edges, broken strokes and others: each kind is a row of the report.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.lib.rendering import printing, surroundings
from scripts.lib.rendering.glyphs import CONTINENTAL, SIGNS, continental, sign
from scripts.lib.rendering.options import Options
from scripts.lib.rendering.page import Hook, Rendering, compose
from scripts.lib.rendering.scenes import Kind, log_uniform, scene
from scripts.lib.strokes import Strokes, trace

CALCULATION = "+-x/=÷%()[]"
POINTS = ".,:✓"
CLEAR_SIGNS = "+x=÷%"
"""Signs that nobody takes for a digit or a speck, even without another one beside them."""

UPRIGHT = (3, 4, 7)
"""Digits that tell which way up a row is: turned by 180 degrees the others are digits, too."""

Change = Callable[[Options, np.random.Generator], Options]


@dataclass(frozen=True)
class NewKind:
    """A kind of page.

    Attributes:
        digits: on a page.
        lines: of a page.
        signs: that are written between digits.
        scenes: that the page may be.
        change: of the scene's options.
        under: see ``compose``.
        over: see ``compose``.
        after: changes the finished page.
        styles: whether digits are in continental handwriting instead of MNIST's.
        upright: how many of the digits, at least, are of UPRIGHT.
    """

    digits: int
    lines: int = 1
    signs: str = ""
    scenes: tuple[Kind, ...] = ("photo", "scan")
    change: Change | None = None
    under: Hook | None = None
    over: Hook | None = None
    after: Callable[[Rendering, np.random.Generator], Rendering] | None = None
    styles: bool = False
    upright: int = 0


def _narrow(options: Options, random: np.random.Generator) -> Options:
    """Write close together on blank paper, as in the cells of a table."""
    return replace(options, rulings="none", gap=random.uniform(0.12, 0.3))


def _touching(options: Options, random: np.random.Generator) -> Options:
    return replace(options, gap=random.uniform(-0.09, 0.0), pen=max(options.pen, 0.05))


def _slanted(options: Options, random: np.random.Generator) -> Options:
    return replace(options, tilt=random.choice([-1, 1]) * random.uniform(8, 20))


def _faint(options: Options, random: np.random.Generator) -> Options:
    """Write in pencil that is 30 to 60 gray levels darker than the paper."""
    paler = random.uniform(30, 60)
    red, green, blue = (int(channel - paler) for channel in options.paper)
    calm = min(options.noise, paler / 15)
    return replace(
        options, ink=(red, green, blue), grain=0.35, pen=max(options.pen, 0.05), noise=calm, shadow=0
    )


def _broken(options: Options, random: np.random.Generator) -> Options:
    return replace(
        options, grain=random.uniform(0.3, 0.6), rulings="none", jpeg=None, pen=max(options.pen, 0.06)
    )


def _on_desk(options: Options, random: np.random.Generator) -> Options:
    table = tuple(int(level) for level in random.integers(40, 170, 3))
    margins = tuple(random.uniform(1.2, 3, 4))
    return replace(options, table=table, margins=margins, height=min(options.height, 90))  # type: ignore[arg-type]


def _wide(options: Options, random: np.random.Generator) -> Options:
    """Leave room around the digits."""
    return replace(options, margins=tuple(random.uniform(0.8, 1.6, 4)))


def _alone(options: Options, random: np.random.Generator) -> Options:
    return replace(options, rulings="none", tilt=0, table=None)


KINDS: dict[str, NewKind] = {
    "thin rules": NewKind(5, 2, change=_narrow, under=printing.rules(0.012, 0.03)),
    "thick rules": NewKind(4, 1, change=_narrow, under=printing.rules(0.05, 0.09)),
    "filled cells": NewKind(4, change=_narrow, under=printing.cells),
    "printed text": NewKind(4, 2, change=_wide, under=printing.text),
    "signs": NewKind(6, signs=CALCULATION),
    "points, ticks": NewKind(6, signs=POINTS),
    "desk, hand": NewKind(4, scenes=("photo",), change=_on_desk, over=surroundings.desk),
    "cut, no margin": NewKind(2, scenes=("photo", "scan", "drawing"), change=_alone, after=surroundings.cut),
    "one, no margin": NewKind(1, scenes=("photo", "scan", "drawing"), change=_alone, after=surroundings.cut),
    "broken strokes": NewKind(5, scenes=("scan",), change=_broken, after=surroundings.thresholded),
    "faint pencil": NewKind(4, change=_faint),
    "touching": NewKind(4, 2, scenes=("photo", "scan", "drawing"), change=_touching),
    "slanted lines": NewKind(8, 2, change=_slanted),
    "turned by 90°": NewKind(6, after=surroundings.turned, upright=2),
    "continental": NewKind(5, scenes=("photo", "scan", "drawing"), styles=True),
    "shadow's edge": NewKind(3, scenes=("photo",), over=surroundings.shadow_edge),
    "frame": NewKind(3, scenes=("photo",), change=_wide, over=surroundings.frame),
}
"""Kinds of pages by name; a round of them has 74 digits."""


def new_set(digits: np.ndarray, labels: Sequence[int], count: int, seed: int) -> Iterator[Rendering]:
    """Render pages of each kind in turn, with labels, kind, marks and text.

    Args:
        digits: uint8 (n, 28, 28), bright on black.
        labels: the digit on each.
        count: how many digits are rendered; those of the kind ``continental`` are not taken from ``digits``.
        seed: of everything random.
    """
    random = np.random.default_rng((seed, len(KINDS)))
    order = random.permutation(len(digits))
    for name, kind in itertools.cycle(KINDS.items()):
        size = min(kind.digits, count)
        if not size:
            return
        count -= size
        if kind.styles:
            chosen = random.choice(list(CONTINENTAL), size).tolist()
            glyphs = [continental(random, label) for label in chosen]
        else:
            upright = np.isin(np.take(labels, order), UPRIGHT)
            first = order[upright][: min(kind.upright, size)]
            order = order[~np.isin(order, first)]
            indices = random.permutation([*first, *order[: size - len(first)]])
            order = order[size - len(first) :]
            chosen, glyphs = (
                [int(labels[index]) for index in indices],
                [trace(digits[index]) for index in indices],
            )
        yield replace(_page(kind, chosen, glyphs, random), kind=name)


def _page(kind: NewKind, labels: list[int], glyphs: list[Strokes], random: np.random.Generator) -> Rendering:
    """Render a page of a kind."""
    options = _options(kind, -(-len(labels) // kind.lines), random)
    chars, strokes, lifts = [str(label) for label in labels], list(glyphs), [0.0] * len(glyphs)
    signs = [each for each in kind.signs if not (each == "/" and 1 in labels)]  # they may look the same
    if signs:
        for place in range(len(labels) - 1, 0, -random.integers(1, 3)):
            written, lift = sign(str(random.choice(signs)))
            chars[place:place], strokes[place:place], lifts[place:place] = ["?"], [written], [lift]
    page = compose(strokes, options, random, lifts, kind.under, kind.over)
    labeled = page.labeled(chars)
    return kind.after(labeled, random) if kind.after else labeled


def _options(kind: NewKind, count: int, random: np.random.Generator) -> Options:
    """Draw the options of a page, its digits 24 to 140 pixels high."""
    options = scene(random, kind.scenes[random.integers(len(kind.scenes))], count)
    options = replace(options, lines=kind.lines, height=log_uniform(random, 24, 140))
    options = replace(
        options, pen=max(options.pen, 1.2 / options.height), blur=min(options.blur, 0.02 * options.height)
    )
    return kind.change(options, random) if kind.change else options


def sign_pages(count: int, seed: int) -> Iterator[Rendering]:
    """Render pages with one to four signs and no digit, one of them at least of CLEAR_SIGNS."""
    random = np.random.default_rng((seed, len(SIGNS)))
    kind = NewKind(0, scenes=("photo", "scan", "drawing"))
    for _ in range(count):
        names = [*random.choice(list(SIGNS), random.integers(0, 4)), random.choice(list(CLEAR_SIGNS))]
        random.shuffle(names)
        strokes, lifts = zip(*(sign(str(name)) for name in names), strict=True)
        page = compose(strokes, replace(_options(kind, 4, random), lines=1), random, lifts)
        yield replace(page, kind="signs only").labeled("?" * len(names))
