import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from digitrec.models.detector import OFFSET_UNIT, SIZE_UNIT, Detection
from digitrec.models.pretrained import MULTIPLE, STRIDE
from digitrec.reading.detection.decoding import Instance
from digitrec.reading.detection.hypotheses import Hypothesis
from digitrec.reading.detection.page_detector import PageDetector
from digitrec.reading.detection.scale_policy import ScalePolicy


class Squares(nn.Module):
    """A detector that takes each dark component for a digit, or for a mark where it is wider than tall."""

    def __init__(self, least: int = 12, most: int = 100):
        super().__init__()
        self.least, self.most, self.seen = least, most, []

    def forward(self, pages: Tensor) -> Detection:
        maps = [self.maps(gray) for gray in pages[:, 0].numpy()]
        return Detection(*(torch.cat(each) for each in zip(*maps, strict=True)))

    def maps(self, gray: np.ndarray) -> Detection:
        self.seen.append(gray.shape)
        dark = (gray < 128).astype(np.uint8)
        _, labels, stats, centers = cv2.connectedComponentsWithStats(dark)
        half = gray.shape[0] // STRIDE, gray.shape[1] // STRIDE
        heat, offsets = np.full(half, -6, np.float32), np.zeros((2, *half), np.float32)
        sizes, kinds = np.zeros(half, np.float32), np.zeros(half, np.float32)
        foreground = np.full(gray.shape, -6, np.float32)
        rows, columns = np.mgrid[: half[0], : half[1]] * STRIDE + 1.0
        for number in range(1, len(stats)):
            _, _, width, height, _ = stats[number]
            if not self.least <= max(width, height) <= self.most:
                continue
            x, y = centers[number]
            mine = labels[: 2 * half[0] : 2, : 2 * half[1] : 2] == number
            foreground[labels == number] = 6
            offsets[0][mine], offsets[1][mine] = (
                (y - rows)[mine] / OFFSET_UNIT,
                (x - columns)[mine] / OFFSET_UNIT,
            )
            sizes[mine], kinds[mine] = np.log(max(width, height) / SIZE_UNIT), 6 if height >= width else -6
            row, column = int(y / STRIDE), int(x / STRIDE)
            heat[row, column], sizes[row, column] = 6, np.log(max(width, height) / SIZE_UNIT)
        planes = foreground, heat, offsets, sizes, kinds
        return Detection(*(torch.from_numpy(plane.reshape(1, -1, *plane.shape[-2:])) for plane in planes))


SPECK = (5, 5, 2, 2)
"""Box of a speck: too small for a digit."""


def page(*boxes, height=120, width=200):
    gray = np.full((height, width), 230, np.uint8)
    for x, y, w, h in boxes:
        gray[y : y + h, x : x + w] = 20
    return gray


def find(gray, network=None, policy=None):
    (found,) = PageDetector(network or Squares(), policy).find([gray])
    return sorted(found, key=lambda each: each.box)


def test_digits_and_marks_are_found_with_their_boxes():
    boxes = [(20, 10, 20, 30), (30, 70, 20, 30), (60, 12, 22, 28), (100, 24, 24, 10)]
    found = find(page(*boxes[::-1]))
    for each, box in zip(found, boxes, strict=True):
        np.testing.assert_allclose(each.box, box, atol=3)
    assert [each.digit > 0.5 for each in found] == [True, True, True, False]
    assert found[0].image.shape == (28, 28)
    assert found[0].image.max() == 255


@pytest.mark.parametrize("size", [10, 40, 150, 600])
def test_digits_of_any_size_are_found(size):
    (found,) = find(page((3 * size, 2 * size, size // 2, size), height=5 * size, width=7 * size))
    np.testing.assert_allclose(found.box, (3 * size, 2 * size, size // 2, size), atol=max(3, 0.1 * size))


def test_small_digits_are_looked_at_once_more_in_an_ideal_size():
    network = Squares()
    boxes = [(100 * i, 60, 14, 24) for i in range(1, 9)]
    assert len(find(page(*boxes, height=400, width=1000), network)) == 8
    policy = ScalePolicy()
    height = 24 * (network.seen[-1][0] - 2 * policy.edge) / 400
    assert policy.small <= height <= 1.3 * policy.ideal


def test_clear_view_ends_the_search():
    network = Squares()
    find(page((60, 20, 60, 90), height=128, width=128), network)
    assert len(network.seen) == 1


def test_no_view_is_larger_than_the_policy_says():
    network = Squares()
    policy = ScalePolicy(most_pixels=30_000)
    assert find(page(SPECK, height=900, width=1200), network, policy) == []
    assert max(rows * columns for rows, columns in network.seen) <= policy.most_pixels
    assert min(min(shape) for shape in network.seen) >= policy.least_side
    assert all(side % MULTIPLE == 0 for shape in network.seen for side in shape)


def test_enlargement_has_its_limit():
    network = Squares()
    find(page(SPECK, height=20, width=20), network)
    assert max(max(shape) for shape in network.seen) <= 4 * 20 + 64


def test_narrow_pages_are_first_seen_whole():
    (found,) = find(page((2, 4, 8, 192), height=200, width=12))
    np.testing.assert_allclose(found.box, (2, 4, 8, 192), atol=5)


@pytest.mark.parametrize("height", [200, 203, 206, 209])
def test_a_page_that_shows_all_in_one_view_is_looked_at_once(height):
    network = Squares()
    found = find(
        page((30, height - 160, 80, 150), (150, height - 170, 90, 160), height=height, width=333), network
    )
    assert len(found) == 2
    assert len(network.seen) == 1


def test_pages_are_searched_together_as_if_alone():
    pages = [page((20 + 10 * n, 20, 30, 45)) for n in range(3)]
    pages += [page((60, 20, 14, 24), height=400, width=1000), page(), np.full((60, 8), 20, np.uint8)]
    together = PageDetector(Squares()).find(pages)
    for gray, found in zip(pages, together, strict=True):
        (alone,) = PageDetector(Squares()).find([gray])
        assert [each.box for each in alone] == [each.box for each in found]
    assert [bool(found) for found in together] == [True, True, True, True, False, True]


def instance(score, digit=1.0, size=20.0):
    return Instance((0, 0, 9, 20), np.ones((20, 9), np.float32), size, score, digit)


def test_hypothesis_is_worth_what_it_shows():
    good = Hypothesis(2.0, 2.0, (instance(0.9), instance(0.7, size=30.0), instance(0.4, digit=0.1)))
    assert good.size == 25
    assert good.clearness == pytest.approx(0.8)
    assert good.value(0.3) == pytest.approx(1.1)
    assert Hypothesis(instances=(instance(0.2),)).value(0.3) < 0
    assert len(good.without_faint(0.5).instances) == 2


def test_of_views_that_are_not_clear_the_one_that_shows_most_is_taken():
    faint, better = Hypothesis(instances=(instance(0.5),)), Hypothesis(instances=(instance(0.55),) * 2)
    search = PageDetector(Squares())._choose(page(height=300, width=300), [Hypothesis()])
    scales, taken = [next(search)], None
    while taken is None:
        try:
            scales.append(search.send(better if len(scales) == 2 else faint))
        except StopIteration as end:
            taken = end.value
    assert taken == better
    assert scales == sorted(scales)
    assert len(scales) > 2


def test_digits_too_large_for_the_view_of_the_others_are_kept():
    boxes = [(22, 20, 30, 70), *((20 + 26 * n, 140, 8, 14) for n in range(9))]
    found = find(page(*boxes, height=180, width=270), Squares(least=4))
    assert len(found) == len(boxes)
    for each, box in zip(found, sorted(boxes), strict=True):
        np.testing.assert_allclose(each.box, box, atol=6)
