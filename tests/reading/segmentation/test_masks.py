"""Pieces of a mask and their boxes, and gaps closed."""

import numpy as np
import pytest

from digitrec.reading.segmentation import masks
from digitrec.reading.segmentation.masks import closed_mask, pieces
from tests.reading.segmentation.masks_by_hand import page

pytestmark = pytest.mark.long


def test_pieces_are_numbered_with_their_boxes():
    mask = page(20, 30)
    mask[2:5, 3:9] = mask[10:12, 20:21] = True
    labels, boxes = pieces(mask)
    assert boxes == {1: np.s_[2:5, 3:9], 2: np.s_[10:12, 20:21]}
    assert (labels > 0).tolist() == mask.tolist()
    assert pieces(page())[1] == {}


def test_of_too_many_pieces_the_largest_are_looked_at(monkeypatch):
    monkeypatch.setattr(masks, "MOST_PIECES", 2)
    mask = page(20, 60)
    mask[5, 5] = mask[5:9, 10:14] = mask[5:7, 20:22] = mask[5:10, 30:34] = True
    labels, boxes = pieces(mask)
    assert list(boxes.values()) == [np.s_[5:9, 10:14], np.s_[5:10, 30:34]]
    assert (labels > 0).sum() == 16 + 20


def test_pieces_whose_boxes_cover_the_page_many_times_are_left_out():
    y, x = np.mgrid[:200, :200]
    boxes = pieces((x + y) % 4 < 2)[1]  # a hundred slanted lines, 16 pages together
    areas = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes.values()]
    assert 0 < len(areas) < 100
    assert sum(areas) <= masks.MOST_OVERLAP * 200 * 200


def test_a_closing_fills_gaps_smaller_than_its_size():
    mask = page(9, 60)
    mask[4, 10:20] = mask[4, 24:30] = mask[4, 36:50] = True
    closed = closed_mask(mask, 1, 5)
    assert closed[4, 10:30].all()
    assert not closed[4, 30:36].any()
    assert closed.sum() == mask.sum() + 4


def test_a_small_piece_beside_too_large_ones_is_kept():
    y, x = np.mgrid[:200, :200]
    mask = (x + y) % 20 < 2
    mask[80:120, 80:120] = False
    mask[90:110, 95:100] = True
    assert np.s_[90:110, 95:100] in pieces(mask)[1].values()
