"""Reading order: which digits and marks are on a line, and in which order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from digitrec.reading.detection.hypotheses import Found

SHARED = 0.4
"""Neighbours of a line have at least this share of the lower one's height in common."""

Box = tuple[float, float, float, float]
"""x, y, width and height."""


def in_lines(found: Sequence[Found], turns: int = 0) -> list[Found]:
    """Put digits and marks into reading order: lines from top to bottom, each from left to right.

    Args:
        found: in any order.
        turns: by how many quarters the page must be turned, counter-clockwise, to be upright.
    """
    upright = {id(each): turned(each.box, turns) for each in found}

    def box(each: Found) -> Box:
        return upright[id(each)]

    lines: list[list[Found]] = []
    for each in sorted(found, key=lambda one: box(one)[0]):
        closest, chosen = SHARED, None
        for line in lines:
            common = _common_height(box(line[-1]), box(each))
            if common > closest:
                closest, chosen = common, line
        if chosen is None:
            lines.append([each])
        else:
            chosen.append(each)
    lines.sort(key=lambda line: float(np.mean([box(each)[1] + box(each)[3] / 2 for each in line])))
    return [
        replace(each, line=number, position=position)
        for number, line in enumerate(lines)
        for position, each in enumerate(line)
    ]


def turned(box: Box, turns: int) -> Box:
    """Turn a box by quarters, counter-clockwise around the page's upper left corner."""
    for _ in range(turns):
        x, y, width, height = box
        box = y, -(x + width), height, width
    return box


def _common_height(one: Box, other: Box) -> float:
    """Return the share of the lower one's height that two boxes have in common.

    A box that is less than half as high as the other is raised by its height: a comma hangs below its line.
    """
    lower, higher = sorted((one, other), key=lambda box: box[3])
    top, height = lower[1], lower[3]
    if height < higher[3] / 2:
        top, height = top - height, 2 * height
    bottom = min(lower[1] + lower[3], higher[1] + higher[3])
    return (bottom - max(top, higher[1])) / max(1e-6, height)
