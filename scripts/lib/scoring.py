"""Scores of what was read against a label: pages, lines, digits and silent errors. One rule for all readers.

A line is compared without ``?`` at its ends, and lines without a digit are left out: a label does not say
what else is written beside the numbers. Inside a line, where the label records signs, one ``?`` or several
stand for one sign or several, and must be where the label has them; where it records none, every ``?``
is passed over. A digit that is missing or ``?`` therefore never passes: the named digits must be the label's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CERTAIN = 0.9
"""Confidence from which on a wrong digit is a silent error."""


@dataclass(frozen=True)
class Score:
    """How a picture was read.

    Attributes:
        exact: its lines are those of the label.
        plain: it is exact and has no ``?`` that the label lacks, not even at the end of a line.
        lines: in the label.
        lines_exact: lines that are read exactly, in the order of the label.
        digits: in the label.
        read: digits of the label in what was read, in their order.
        silent: digits that were read in addition or in place of others with a confidence of CERTAIN or more.
    """

    exact: bool
    plain: bool
    lines: int
    lines_exact: int
    digits: int
    read: int
    silent: int


def score(label: str, text: str, confidences: Sequence[float], signs: bool) -> Score:
    """Compare what was read with a label.

    Args:
        label: digits and ``?``; lines are separated by a space.
        text: what was read, in the same form.
        confidences: of each character of ``text`` that is no space.
        signs: whether the label records signs as ``?``.
    """
    true, read = comparable(label, signs), comparable(text, signs)
    named = [
        (char, sure) for char, sure in zip(text.replace(" ", ""), confidences, strict=True) if char != "?"
    ]
    digits = re.sub("[^0-9]", "", label)
    correct = aligned(digits, [char for char, _ in named], [sure for _, sure in named])
    silent = sum(sure >= CERTAIN for place, (_, sure) in enumerate(named) if place not in correct)
    return Score(
        exact=read == true,
        plain=read == true and _squeezed(text).split() == _squeezed(label).split(),
        lines=len(true),
        lines_exact=len(aligned(true, read)),
        digits=len(digits),
        read=len(correct),
        silent=silent,
    )


def comparable(text: str, signs: bool) -> list[str]:
    """Return the lines of a text as they are compared, see above."""
    lines = (_squeezed(line).strip("?") if signs else line.replace("?", "") for line in text.split())
    return [line for line in lines if line]


def _squeezed(text: str) -> str:
    return re.sub(r"\?+", "?", text)


def aligned(true: Sequence[str], read: Sequence[str], sure: Sequence[float] = ()) -> set[int]:
    """Return the places in ``read`` of a longest common subsequence with ``true``.

    Of several such subsequences it is the one with the highest sum of ``sure``.
    """
    worth = 1 + 1e-6 * np.array([*sure] or [0.0] * len(read))
    best = np.zeros((len(true) + 1, len(read) + 1))
    for row, char in enumerate(true):
        same = np.array([other == char for other in read], bool)
        best[row + 1, 1:] = np.where(same, best[row, :-1] + worth, best[row, 1:])
        np.maximum.accumulate(best[row + 1], out=best[row + 1])
        np.maximum(best[row + 1], best[row], out=best[row + 1])
    places, row, column = set(), len(true), len(read)
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            places.add(column)
    return places
