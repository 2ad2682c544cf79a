"""Random realistic pages: photographs, scans, forms, drawings, blackboards, empty pages."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from scripts.lib.rendering.options import Options
from scripts.lib.rendering.page import Rendering, render

Kind = Literal["photo", "scan", "form", "drawing", "board"]


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    """Draw a length from a log-uniform distribution."""
    return float(math.exp(random.uniform(math.log(low), math.log(high))))


def _handwriting(random: np.random.Generator, count: int) -> Options:
    """Draw the options of the handwriting, for so many digits a line; paper and camera are the defaults."""
    height = log_uniform(random, 20, min(600, 1200 / max(count, 2)))
    margins = random.uniform(0.3, random.uniform(0.5, max(0.6, min(500 / height, 8))), 4)
    return Options(
        height=height,
        pen=log_uniform(random, max(0.03, 1 / height), 0.13),
        slant=random.normal(0, 5),
        rotation=random.normal(0, 3),
        unevenness=random.uniform(0, 0.08),
        gap=random.uniform(0.15, 0.6),
        leading=random.uniform(1.5, 2),
        margins=tuple(margins),  # type: ignore[arg-type]
    )


PENS = ((25, 25, 30), (25, 40, 110), (35, 60, 160), (15, 15, 15), (165, 30, 35), (20, 90, 60))
PENCIL = (95, 95, 98)
CHALK = (225, 225, 215)
PAPERS = ((250, 250, 248), (240, 236, 226), (238, 226, 196), (205, 203, 198), (245, 232, 150))
TABLES = ((70, 48, 35), (125, 95, 65), (45, 45, 50), (95, 100, 105))
BOARDS = ((38, 62, 50), (35, 38, 40), (28, 45, 70))
SCREENS = (((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0)), ((220, 30, 40), (255, 255, 255)))


def _ruled(options: Options, random: np.random.Generator, rulings: str = "") -> Options:
    """Draw the rulings of the paper: none, lines or squares; an empty string chooses at random."""
    rulings = rulings or str(random.choice(["none", "none", "lined", "squared"]))
    pitch = random.uniform(1.2, 2) if rulings == "lined" else random.uniform(0.3, 1.3)
    strength = random.uniform(0.4, 0.9)
    color = (160, 180, 205) if random.random() < 0.7 else (170, 170, 170)
    faint = tuple(
        int(background * (1 - strength * (1 - channel / 255)))
        for background, channel in zip(options.paper, color, strict=True)
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
        ruling_color=faint,  # type: ignore[arg-type]
    )


def scene(random: np.random.Generator, kind: Kind, count: int = 1) -> Options:
    """Draw the options of a realistic page.

    Args:
        random: draws everything.
        kind: ``photo``: pen or pencil on paper under uneven light. ``scan``: the same, flat and sharp.
            ``form``: printed boxes, photographed or scanned. ``drawing``: from a drawing program, a third of
            them transparent. ``board``: chalk on a blackboard.
        count: digits a line.
    """
    options = _handwriting(random, count)
    if kind == "drawing":
        ink, paper = SCREENS[random.integers(len(SCREENS))]
        transparent = bool(random.random() < 1 / 3)
        pen = log_uniform(random, 0.05, 0.2)
        return replace(options, ink=ink, paper=paper, pen=pen, transparent=transparent)
    options = _on_paper(options, random, kind)
    if kind == "scan" or (kind == "form" and random.random() < 0.5):
        return replace(options, tilt=options.tilt / 2, blur=0.3, noise=random.uniform(0, 2))
    return replace(
        options,
        table=TABLES[random.integers(len(TABLES))] if kind != "board" and random.random() < 0.3 else None,
        gradient=random.uniform(0.05, 0.5),
        vignette=random.uniform(0, 0.3),
        shadow=random.uniform(0.2, 0.55) if kind != "board" and random.random() < 0.4 else 0,
        softness=log_uniform(random, 2, 60),
        blur=random.uniform(0.3, 0.8 + options.height / 200),
        noise=random.uniform(1, 7),
    )


def _on_paper(options: Options, random: np.random.Generator, kind: Kind) -> Options:
    """Draw ink and paper, and the printed boxes of a form, the chalk of a board or the rulings."""
    pencil = random.random() < 0.2
    options = replace(
        options,
        ink=PENCIL if pencil else PENS[random.integers(len(PENS))],
        grain=0.4 if pencil else random.uniform(0, 0.15),
        paper=PAPERS[random.integers(len(PAPERS))],
        tilt=random.normal(0, 2),
        jpeg=int(random.integers(60, 96)),
    )
    if kind == "form":
        box = random.uniform(0.15, 0.4)
        gap = random.choice([0, 0.15])
        width = max(1, options.height * random.uniform(0.01, 0.03))
        return replace(options, boxes=box, gap=gap, ruling_width=width, unevenness=options.unevenness / 2)
    if kind == "board":
        paper = BOARDS[random.integers(len(BOARDS))]
        pen = log_uniform(random, 0.06, 0.14)
        return replace(options, ink=CHALK, paper=paper, grain=0.6, pen=pen)
    return _ruled(options, random)


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
"""Kind, digits and lines of twenty pages with 47 digits; nine are photographs."""


def rendered_set(digits: np.ndarray, labels: Sequence[int], count: int, seed: int) -> Iterator[Rendering]:
    """Render pages in the proportions of PAGES, with labels and kind.

    Args:
        digits: uint8 (n, 28, 28), bright on black.
        labels: the digit on each.
        count: how many of the digits are used, each once.
        seed: of everything random.

    Raises:
        ValueError: there are fewer digits than ``count``.
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
        yield replace(page, kind=kind).labeled([str(labels[index]) for index in chosen])


def empty_page(random: np.random.Generator, rulings: Literal["none", "lined", "squared"]) -> Rendering:
    """Render a photograph or scan of a page without digits."""
    options = scene(random, "photo" if random.random() < 0.7 else "scan", 3)
    return render(np.zeros((0, 28, 28), np.uint8), _ruled(options, random, rulings), random)


def empty_pages(count: int, seed: int) -> Iterator[Rendering]:
    """Render blank, lined and squared pages without digits, in turn."""
    random = np.random.default_rng(seed)
    for _, rulings in zip(range(count), itertools.cycle(("none", "lined", "squared")), strict=False):
        yield empty_page(random, rulings)
