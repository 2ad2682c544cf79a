"""Pages that one could meet, drawn at random: photographs, scans, forms, drawings, boards, empty pages."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from scripts.lib.rendering import Options, Rendering, render

Kind = Literal["photo", "scan", "form", "drawing", "board"]


def _some(random: np.random.Generator, low: float, high: float) -> float:
    """A length between two, as likely to be below as above their geometric mean."""
    return float(math.exp(random.uniform(math.log(low), math.log(high))))


def _hand(random: np.random.Generator, count: int) -> Options:
    """Somebody's writing: everything but paper and camera."""
    height = _some(random, 20, min(600, 1200 / max(count, 2)))
    margins = random.uniform(0.3, random.uniform(0.5, max(0.6, min(500 / height, 8))), 4)
    return Options(
        height=height,
        pen=_some(random, max(0.03, 1 / height), 0.13),
        slant=random.normal(0, 5),
        rotation=random.normal(0, 3),
        unevenness=random.uniform(0, 0.08),
        gap=random.uniform(0.15, 0.6),
        leading=random.uniform(1.5, 2),
        margins=tuple(margins),  # type: ignore[arg-type]
    )


PENS = ((25, 25, 30), (25, 40, 110), (35, 60, 160), (15, 15, 15), (165, 30, 35), (20, 90, 60))
PENCIL = (95, 95, 98)
PAPERS = ((250, 250, 248), (240, 236, 226), (238, 226, 196), (205, 203, 198), (245, 232, 150))
TABLES = ((70, 48, 35), (125, 95, 65), (45, 45, 50), (95, 100, 105))
BOARDS = ((38, 62, 50), (35, 38, 40), (28, 45, 70))
SCREENS = (((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0)), ((220, 30, 40), (255, 255, 255)))


def _ruled(options: Options, random: np.random.Generator, rulings: str = "") -> Options:
    """Put the writing on a paper: blank, or with lines to write between or squares."""
    rulings = rulings or str(random.choice(["none", "none", "lined", "squared"]))
    pitch = random.uniform(1.2, 2) if rulings == "lined" else random.uniform(0.3, 1.3)
    strength = random.uniform(0.4, 0.9)
    colour = (160, 180, 205) if random.random() < 0.7 else (170, 170, 170)
    faint = tuple(
        int(ground * (1 - strength * (1 - part / 255)))
        for ground, part in zip(options.paper, colour, strict=True)
    )
    return replace(
        options,
        rulings=rulings,  # type: ignore[arg-type]
        pitch=pitch,
        offset=(
            random.uniform(0, 1),
            random.uniform(-0.1, 0.15) if rulings == "lined" else random.uniform(0, 1),
        ),
        leading=pitch * math.ceil(1.4 / pitch) if rulings == "lined" else options.leading,
        ruling_width=max(0.7, min(4, options.height * random.uniform(0.01, 0.03))),
        ruling_colour=faint,  # type: ignore[arg-type]
    )


def scene(random: np.random.Generator, kind: Kind, count: int = 1) -> Options:
    """Draw a page that one could meet, for so many digits a line.

    photo: pen or pencil on paper under uneven light; scan: the same, flat and sharp; form: printed boxes,
    photographed or scanned; drawing: from a drawing program, a third of them transparent; board: chalk.
    """
    hand = _hand(random, count)
    if kind == "drawing":
        ink, paper = SCREENS[random.integers(len(SCREENS))]
        transparent = bool(random.random() < 1 / 3)
        return replace(hand, ink=ink, paper=paper, pen=_some(random, 0.05, 0.2), transparent=transparent)
    pencil = random.random() < 0.2
    hand = replace(
        hand,
        ink=PENCIL if pencil else PENS[random.integers(len(PENS))],
        grain=0.4 if pencil else random.uniform(0, 0.15),
        paper=PAPERS[random.integers(len(PAPERS))],
        tilt=random.normal(0, 2),
        jpeg=int(random.integers(60, 96)),
    )
    if kind == "form":
        box = random.uniform(0.15, 0.4)
        gap = random.choice([0, 0.15])
        width = max(1, hand.height * random.uniform(0.01, 0.03))
        hand = replace(hand, boxes=box, gap=gap, ruling_width=width, unevenness=hand.unevenness / 2)
    elif kind == "board":
        hand = replace(hand, ink=(225, 225, 215), paper=BOARDS[random.integers(len(BOARDS))], grain=0.6)
        hand = replace(hand, pen=_some(random, 0.06, 0.14))
    else:
        hand = _ruled(hand, random)
    if kind == "scan" or (kind == "form" and random.random() < 0.5):
        return replace(hand, tilt=hand.tilt / 2, blur=0.3, noise=random.uniform(0, 2))
    return replace(
        hand,
        table=TABLES[random.integers(len(TABLES))] if kind != "board" and random.random() < 0.3 else None,
        gradient=random.uniform(0.05, 0.5),
        vignette=random.uniform(0, 0.3),
        shadow=random.uniform(0.2, 0.55) if kind != "board" and random.random() < 0.4 else 0,
        softness=_some(random, 2, 60),
        blur=random.uniform(0.3, 0.8 + hand.height / 200),
        noise=random.uniform(1, 7),
    )


PAGES: tuple[tuple[Kind, int, int], ...] = (
    *(("photo", 1, 1),) * 6,
    *(("scan", 1, 1),) * 2,
    *(("drawing", 1, 1),) * 2,
    *(("form", 1, 1),) * 2,
    ("board", 1, 1),
    ("photo", 4, 1),
    ("photo", 8, 1),
    ("photo", 6, 2),
    ("scan", 5, 1),
    ("drawing", 3, 1),
    ("form", 6, 1),
    ("board", 2, 1),
)
"""Kind, digits and lines of twenty pages, nine of them photographs; 47 digits."""


def rendered_set(digits: np.ndarray, labels: Sequence[int], count: int, seed: int) -> Iterator[Rendering]:
    """Pages in the proportions of PAGES, with labels and kind, until so many digits are used, each once.

    ValueError where there are not so many.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(digits))[:count]
    if len(order) < count:
        raise ValueError(f"There are {len(order)} digits to render, not {count}.")
    for kind, size, lines in itertools.cycle(PAGES):
        chosen, order = order[:size], order[size:]
        if not len(chosen):
            return
        options = replace(scene(random, kind, -(-size // lines)), lines=lines)
        page = render(digits[chosen], options, random)
        yield replace(page, labels=[int(labels[index]) for index in chosen], kind=kind)


def empty_page(random: np.random.Generator, rulings: Literal["none", "lined", "squared"]) -> Rendering:
    """A photograph or scan of a page on which nothing is written."""
    options = scene(random, "photo" if random.random() < 0.7 else "scan", 3)
    return render(np.zeros((0, 28, 28), np.uint8), _ruled(options, random, rulings), random)


def empty_pages(count: int, seed: int) -> Iterator[Rendering]:
    """Empty, lined and squared pages by turns."""
    random = np.random.default_rng(seed)
    for _, rulings in zip(range(count), itertools.cycle(("none", "lined", "squared")), strict=False):
        yield empty_page(random, rulings)
