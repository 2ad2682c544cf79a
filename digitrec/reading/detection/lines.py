"""Reading order: which digits and marks are on a line, and in which order."""

from collections.abc import Sequence
from statistics import fmean

from digitrec.reading.detection.hypotheses import Box

SHARED = 0.4
"""Neighbours of a line have at least this share of the lower one's height in common."""

SMALL = 0.5
"""A box that is lower than this share of its neighbour is small: a point, a comma, a dash."""


def in_lines(boxes: Sequence[Box], turns: int = 0) -> list[list[int]]:
    """Put digits and marks into reading order.

    Args:
        boxes: in any order.
        turns: by how many quarters the page must be turned, counter-clockwise, to be upright.

    Returns:
        Lines from top to bottom, each with the numbers of its boxes from left to right.
    """
    upright = [turned(box, turns) for box in boxes]
    lines: list[list[int]] = []
    lasts: list[Box] = []  # of each line the last box that is not small: beside a point no line can be told
    for number in sorted(range(len(upright)), key=lambda each: upright[each][0]):
        box = upright[number]
        common = [_common_height(last, box) for last in lasts]
        chosen = common.index(max(common)) if common else 0
        if not common or common[chosen] <= SHARED:
            lines.append([number])
            lasts.append(box)
        else:
            lines[chosen].append(number)
            if box[3] >= lasts[chosen][3] * SMALL:
                lasts[chosen] = box

    def middle(line: list[int]) -> float:
        return fmean(upright[number][1] + upright[number][3] / 2 for number in line)

    return sorted(lines, key=middle)


def turned(box: Box, turns: int) -> Box:
    """Turn a box by quarters, counter-clockwise around the page's upper left corner."""
    for _ in range(turns):
        x, y, width, height = box
        box = y, -(x + width), height, width
    return box


def _common_height(one: Box, other: Box) -> float:
    """Return the share of the lower one's height that two boxes have in common.

    A small box is raised by its height: a comma hangs below its line.
    """
    lower, higher = sorted((one, other), key=lambda box: box[3])
    top, height = lower[1], lower[3]
    if height < higher[3] * SMALL:
        top, height = top - height, 2 * height
    bottom = min(lower[1] + lower[3], higher[1] + higher[3])
    return (bottom - max(top, higher[1])) / max(1e-6, height)
