import numpy as np
import pytest

from digitrec.evaluation.detection import match, overlaps


def test_overlap_is_intersection_over_union():
    shares = overlaps([(0, 0, 10, 10)], [(0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (0, 0, 5, 10)])
    np.testing.assert_allclose(shares, [[1, 50 / 150, 0, 0.5]])


def test_best_pair_is_matched_first_and_each_box_once():
    true = [(0, 0, 10, 10), (2, 0, 12, 10)]
    assert match(true, [(1, 0, 11, 10), (0, 0, 10, 10)]) == {0: 1, 1: 0}
    assert match(true, [(2, 0, 12, 10)]) == {1: 0}


@pytest.mark.parametrize(("true", "found"), [([], [(0, 0, 1, 1)]), ([(0, 0, 1, 1)], []), ([], [])])
def test_empty_lists_have_no_match(true, found):
    assert match(true, found) == {}


def test_boxes_with_little_overlap_are_not_matched():
    assert match([(0, 0, 10, 10)], [(6, 0, 16, 10)]) == {}
    assert match([(0, 0, 10, 10)], [(6, 0, 16, 10)], least=0.2) == {0: 0}
