import pytest

from digitrec.reading.detection.lines import in_lines, turned


def at(x, y):
    return (x, y, 10.0, 20.0)


def test_slanted_lines_are_told_apart():
    slanted = [at(30 * i, 10 + 4 * i) for i in range(8)]
    below = [at(30 * i, 50 + 4 * i) for i in range(8)]
    boxes = [*below, *slanted[::-1]]
    assert [[boxes[number] for number in line] for line in in_lines(boxes)] == [slanted, below]
    assert in_lines([]) == []


@pytest.mark.parametrize("turns", range(4))
def test_turned_page_has_the_order_of_the_upright_one(turns):
    upright = [(10.0, 10.0), (40.0, 12.0), (70.0, 8.0), (10.0, 60.0), (45.0, 60.0)]
    # So does the page lie that must be turned so often.
    boxes = [turned((x, y, 10, 20), (4 - turns) % 4) for x, y in upright]
    assert in_lines(boxes[::-1], turns) == [[4, 3, 2], [1, 0]]


def test_four_turns_change_nothing():
    assert turned((3, 4, 5, 6), 4) == (3, 4, 5, 6)
    assert turned((3, 4, 5, 6), 1) == (4, -8, 6, 5)


def test_comma_that_hangs_below_its_line_belongs_to_it():
    assert in_lines([at(0, 10), (12, 27, 3, 7), at(18, 10), at(0, 45)]) == [[0, 1, 2], [3]]


def test_upper_point_of_a_colon_does_not_split_its_line():
    colon = (12, 14, 3, 3), (12, 25, 3, 3)
    assert in_lines([at(0, 10), *colon, at(18, 10), at(36, 10)]) == [[0, 1, 2, 3, 4]]


def test_line_that_begins_with_a_dash():
    assert in_lines([(0, 19, 10, 3), at(14, 10), at(28, 11), at(0, 45)]) == [[0, 1, 2], [3]]
