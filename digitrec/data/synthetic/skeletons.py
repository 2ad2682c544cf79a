"""Skeletons of digits and letters: the strokes of a hand, from ``skeletons.json``."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

Stroke = tuple[tuple[float, float], ...]
"""Points x, y, in 0..1 from the upper left, on a smooth curve; two points make a straight line."""

Skeleton = tuple[Stroke, ...]
"""The strokes of a digit or a letter. Strokes that share a point are joined there, at a corner."""


@cache
def digit_skeletons() -> dict[int, tuple[Skeleton, ...]]:
    """Return the skeletons of each digit, in several styles."""
    return {int(digit): _as_tuples(styles) for digit, styles in _content()["digits"].items()}


@cache
def letter_skeletons() -> tuple[Skeleton, ...]:
    """Return the skeletons of letters that no digit looks like."""
    letters: tuple[Skeleton, ...] = _as_tuples(_content()["letters"])
    return letters


def _content() -> Any:
    return json.loads((files("digitrec.data.synthetic") / "skeletons.json").read_text())


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
