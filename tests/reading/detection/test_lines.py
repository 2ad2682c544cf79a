import numpy as np
import pytest

from digitrec.reading.detection.hypotheses import Found
from digitrec.reading.detection.lines import in_lines, turned


def at(x: float, y: float) -> Found:
    return Found(np.zeros((28, 28), np.uint8), (x, y, 10, 20), 20, 1.0, 1.0)


def test_slanted_lines_are_separated():
    slanted = [at(30 * i, 10 + 4 * i) for i in range(8)]
    below = [at(30 * i, 50 + 4 * i) for i in range(8)]
    ordered = in_lines([*below, *slanted[::-1]])
    assert [(each.line, each.position) for each in ordered] == [
        (line, i) for line in (0, 1) for i in range(8)
    ]
    assert [each.box for each in ordered] == [each.box for each in (*slanted, *below)]
    assert in_lines([]) == []


@pytest.mark.parametrize("turns", range(4))
def test_rotated_page_has_the_reading_order_of_the_upright_one(turns):
    upright = [(10.0, 10.0), (40.0, 12.0), (70.0, 8.0), (10.0, 60.0), (45.0, 60.0)]
    found = []
    for x, y in upright:
        box = turned((x, y, 10, 20), (4 - turns) % 4)  # so does the page lie that must be turned so often
        found.append(Found(np.zeros((28, 28), np.uint8), box, 20, 1.0, 1.0))
    ordered = in_lines(found[::-1], turns)
    assert [each.box for each in ordered] == [each.box for each in found]
    assert [each.line for each in ordered] == [0, 0, 0, 1, 1]


def test_four_quarter_turns_change_nothing():
    assert turned((3, 4, 5, 6), 4) == (3, 4, 5, 6)
    assert turned((3, 4, 5, 6), 1) == (4, -8, 6, 5)


def test_comma_below_the_baseline_belongs_to_its_line():
    comma = Found(np.zeros((28, 28), np.uint8), (12, 27, 3, 7), 7, 1.0, 0.0)
    ordered = in_lines([at(0, 10), comma, at(18, 10), at(0, 45)])
    assert [each.line for each in ordered] == [0, 0, 0, 1]
    assert ordered[1].box == comma.box
