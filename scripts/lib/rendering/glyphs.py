"""Glyphs that MNIST has none of: written signs, and digits in continental handwriting, as pen strokes.

Coordinates are digit heights, y down; a digit reaches from -0.5 to 0.5.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from scripts.lib.strokes import Strokes

Path = list[tuple[float, float]]

DOT = 0.025
"""By how much the pen is wider at a dot, in digit heights."""

SMOOTH = 12
"""Points of a curve between two of its corners."""


def sign(name: str) -> tuple[Strokes, float]:
    """Return a sign of SIGNS, and how far its lowest point is above the baseline."""
    lift, paths = SIGNS[name]
    return _strokes(paths, DOT if name in ".:÷%" else 0), lift


def continental(random: np.random.Generator, digit: int) -> Strokes:
    """Return a digit of CONTINENTAL in a way of writing that is rare in MNIST, uneven like a hand's."""
    ways = CONTINENTAL[digit]
    paths = ways[int(random.integers(len(ways)))](random)
    stretch = np.diag([random.uniform(0.85, 1.15), 1])
    stretch[0, 1] = random.normal(0, 0.06)
    return _strokes([(np.array(path) @ stretch.T).tolist() for path in paths])


def _strokes(paths: Sequence[Path], dot: float = 0) -> Strokes:
    """Join paths to strokes; paths of one point are dots, wider than the pen by ``dot``."""
    points: Path = []
    radii: list[float] = []
    joints: list[tuple[int, int]] = []
    for path in paths:
        first = len(points)
        points += list(path)
        radii += [dot if len(path) == 1 else 0.0] * len(path)
        joints += [(number, number + 1) for number in range(first, len(points) - 1)]
    return Strokes(np.array(points, float), np.array(radii), np.array(joints, int).reshape(-1, 2))


def _arc(x: float, y: float, width: float, height: float, start: float, end: float) -> Path:
    """Return points of an ellipse around x, y from one angle to another, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 24))
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


def _curve(corners: Path) -> Path:
    """Return a curve of Catmull and Rom through the corners."""
    ends = np.array([corners[0], *corners, corners[-1]], float)
    steps = np.linspace(0, 1, SMOOTH, endpoint=False)[:, None]
    points = [
        0.5
        * (
            2 * b
            + (c - a) * steps
            + (2 * a - 5 * b + 4 * c - d) * steps**2
            + (3 * (b - c) + d - a) * steps**3
        )
        for a, b, c, d in zip(ends[:-3], ends[1:-2], ends[2:-1], ends[3:], strict=True)
    ]
    return [*map(tuple, np.concatenate(points)), corners[-1]]


SIGNS: dict[str, tuple[float, Sequence[Path]]] = {
    "+": (0.2, [[(-0.25, 0), (0.25, 0)], [(0, -0.25), (0, 0.25)]]),
    "-": (0.42, [[(-0.22, 0), (0.22, 0.02)]]),
    "x": (0.1, [[(-0.22, -0.22), (0.22, 0.22)], [(0.22, -0.22), (-0.22, 0.22)]]),
    "/": (-0.12, [[(0.36, -0.62), (-0.36, 0.62)]]),
    "=": (0.28, [[(-0.25, -0.11), (0.25, -0.12)], [(-0.25, 0.1), (0.25, 0.11)]]),
    "÷": (0.18, [[(-0.25, 0), (0.25, 0)], [(0, -0.2)], [(0, 0.2)]]),
    "%": (
        0,
        [
            [(0.28, -0.5), (-0.28, 0.5)],
            _arc(-0.24, -0.3, 0.13, 0.16, 0, 360),
            _arc(0.24, 0.3, 0.13, 0.16, 0, 360),
        ],
    ),
    "(": (-0.12, [_arc(0.3, 0, 0.46, 0.62, 118, 242)]),
    ")": (-0.12, [_arc(-0.3, 0, 0.46, 0.62, -62, 62)]),
    "[": (-0.1, [[(0.2, -0.6), (-0.08, -0.6), (-0.08, 0.6), (0.2, 0.6)]]),
    "]": (-0.1, [[(-0.2, -0.6), (0.08, -0.6), (0.08, 0.6), (-0.2, 0.6)]]),
    "✓": (0.05, [[(-0.28, 0.02), (-0.1, 0.28), (0.32, -0.38)]]),
    ".": (0, [[(0, 0)]]),
    ",": (-0.16, [[(0.03, -0.1), (0.03, 0), (-0.06, 0.12)]]),
    ":": (0.1, [[(0, -0.22)], [(0, 0.22)]]),
}
"""Lift above the baseline and paths of each sign."""

Way = Callable[[np.random.Generator], list[Path]]


def _long_upstroke(random: np.random.Generator) -> list[Path]:
    foot = random.uniform(-0.05, 0.3)
    return [[(-random.uniform(0.28, 0.4), foot), (0.08, -0.5), (random.uniform(0.02, 0.1), 0.5)]]


def _crossed_seven(random: np.random.Generator) -> list[Path]:
    at = random.uniform(-0.06, 0.1)
    bar = [(-0.14, at + 0.02), (0.26, at - 0.03)]
    return [_curve([(-0.3, -0.46), (0.28, -0.48)]) + _curve([(0.28, -0.48), (0.08, 0), (-0.06, 0.5)]), bar]


def _wavy_seven(random: np.random.Generator) -> list[Path]:
    wave = random.uniform(0.05, 0.1)
    top = [(-0.32, -0.36), (-0.18, -0.48), (0, -0.42 + wave / 2), (0.2, -0.42), (0.32, -0.5)]
    bar: list[Path] = [[(-0.1, 0.05), (0.26, 0)]] if random.random() < 0.5 else []
    return [[*_curve(top), *_curve([(0.32, -0.5), (0.1, 0), (-0.02, 0.5)])], *bar]


def _open_four(random: np.random.Generator) -> list[Path]:
    bar = random.uniform(0.02, 0.16)
    left = [(-0.22, -0.48), (-0.28, bar), (0.34, bar - 0.02)]
    return [left, [(0.14, random.uniform(-0.45, -0.25)), (0.1, 0.5)]]


def _slashed_zero(random: np.random.Generator) -> list[Path]:
    over = random.uniform(0.7, 1.1)
    return [_arc(0, 0, 0.3, 0.48, -90, 270), [(0.28 * over, -0.4 * over), (-0.28 * over, 0.4 * over)]]


CONTINENTAL: dict[int, Sequence[Way]] = {
    0: (_slashed_zero,),
    1: (_long_upstroke,),
    4: (_open_four,),
    7: (_crossed_seven, _wavy_seven),
}
"""Ways of writing a digit that are rare in MNIST."""
