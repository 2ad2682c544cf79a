import numpy as np
import pytest
import torch

from digitrec.models.detector import OFFSET_UNIT, SIZE_UNIT, Detection
from digitrec.models.pretrained import STRIDE
from digitrec.reading.detection.decoding import DecodingLimits, Maps, decode

LIMITS = DecodingLimits()


def planted(*items, height=64, width=96) -> Maps:
    """Maps that show rectangles, each given as (box, size, center's score, how much a digit)."""
    half = height // STRIDE, width // STRIDE
    foreground = np.full((height, width), 0.02, np.float32)
    centers, offsets = np.full(half, 0.01, np.float32), np.zeros((2, *half), np.float32)
    sizes, kinds = np.full(half, 20, np.float32), np.full(half, 0.5, np.float32)
    for (left, top, right, bottom), size, center, kind in items:
        foreground[top:bottom, left:right] = 0.9
        y, x = (top + bottom) / 2, (left + right) / 2
        cells = np.s_[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
        rows, columns = np.mgrid[cells]
        offsets[0][cells], offsets[1][cells] = y - (2 * rows + 1), x - (2 * columns + 1)
        centers[int(y / 2), int(x / 2)] = center
        sizes[cells], kinds[cells] = size, kind
    return Maps(foreground, centers, offsets, sizes, kinds)


def boxes(maps, limits=LIMITS):
    return [instance.box for instance in decode(maps, limits)]


def test_planted_instances_are_decoded_in_order_of_score():
    one, other = ((10, 8, 22, 30), 22, 0.7, 0.8), ((50, 20, 66, 44), 24, 0.9, 0.9)
    first, second = decode(planted(one, other), LIMITS)
    assert (first.box, second.box) == (other[0], one[0])
    assert first.size == 24
    assert first.score == pytest.approx(0.9 * 0.9, abs=0.01)
    assert first.digit == pytest.approx(0.9)
    assert first.mask.shape == (24, 16)
    assert first.mask.min() > 0.85


def test_instance_is_a_mark_if_its_cells_say_so():
    (mark,) = decode(planted(((20, 20, 28, 28), 10, 0.8, 0.1)), LIMITS)
    assert mark.digit == pytest.approx(0.1)


def test_touching_digits_are_separated_and_parts_of_one_are_joined():
    left, right = ((10, 10, 30, 40), 30, 0.8, 0), ((30, 10, 50, 40), 30, 0.9, 0)
    assert sorted(boxes(planted(left, right))) == [left[0], right[0]]
    broken = planted(((10, 10, 30, 40), 30, 0.8, 0))
    broken.foreground[22:28] = 0
    (box,) = boxes(broken)
    assert box == (10, 10, 30, 40)


def test_faint_small_or_short_candidates_are_rejected():
    item = (10, 10, 30, 40)
    assert not boxes(planted((item, 30, 0.15, 0)))
    assert not boxes(planted(((10, 10, 12, 12), 30, 0.9, 0)))
    assert not boxes(planted((item, 120, 0.9, 0.9)))
    assert boxes(planted((item, 120, 0.9, 0)))  # a mark may be much smaller than its size
    faint = planted((item, 30, 0.9, 0))
    faint.foreground[:] *= 0.3
    assert not boxes(faint)


def test_of_two_close_centers_the_more_probable_is_kept():
    maps = planted(((10, 10, 40, 40), 30, 0.9, 0))
    maps.centers[13, 15] = 0.6
    assert boxes(maps) == [(10, 10, 40, 40)]


def test_votes_that_miss_every_center_are_ignored():
    maps = planted(((10, 10, 30, 40), 30, 0.9, 0))
    maps.foreground[50:60, 60:90] = 0.9
    maps.offsets[:, 25:30, 30:45] = -200  # beyond the page
    assert boxes(maps) == [(10, 10, 30, 40)]


def test_empty_page_has_no_instances():
    assert decode(planted(), LIMITS) == []


def test_maps_are_probabilities_and_pixels_without_the_padding():
    shape = (1, 1, 32, 48)
    cells = torch.zeros(1, 1, 16, 24)
    found = Detection(torch.zeros(shape), cells, torch.full((1, 2, 16, 24), 0.5), cells, cells)
    maps = Maps.of(found, edges=(8, 4))
    assert maps.foreground.shape == (16, 40)
    assert maps.centers.shape == (8, 20)
    assert maps.sizes.shape == maps.kinds.shape == (8, 20)
    np.testing.assert_allclose(maps.foreground, 0.5)
    np.testing.assert_allclose(maps.offsets, 0.5 * OFFSET_UNIT)
    np.testing.assert_allclose(maps.sizes, SIZE_UNIT)
    assert Maps.of(found).foreground.shape == (32, 48)
