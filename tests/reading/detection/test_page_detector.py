import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from digitrec.models.detector import OFFSET_UNIT, SIZE_UNIT, STRIDE, Detection
from digitrec.reading.detection.hypotheses import Found, Hypothesis
from digitrec.reading.detection.page_detector import PageDetector, ScalePolicy


class Squares(nn.Module):
    """A detector for which each dark component is a digit, or a mark if it is wider than tall."""

    def __init__(self, least: int = 12, most: int = 100):
        super().__init__()
        self.least, self.most, self.seen = least, most, []

    def forward(self, pages: Tensor) -> Detection:
        gray = pages[0, 0].numpy()
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


def page(*boxes, height=120, width=200):
    gray = np.full((height, width), 230, np.uint8)
    for x, y, w, h in boxes:
        gray[y : y + h, x : x + w] = 20
    return gray


def sure(images):
    """A classifier with high confidence in 3."""
    rows = np.full((len(images), 10), 0.001, np.float32)
    rows[:, 3] = 0.991
    return rows


def unsure(images):
    return np.full((len(images), 10), 0.1, np.float32)


def test_digits_and_marks_come_in_reading_order_with_their_boxes():
    boxes = [(20, 10, 20, 30), (60, 12, 22, 28), (100, 24, 24, 10), (30, 70, 20, 30)]
    found = PageDetector(Squares()).find(page(*boxes[::-1]), sure)
    assert [(each.line, each.position) for each in found] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    for each, box in zip(found, boxes, strict=True):
        np.testing.assert_allclose(each.box, box, atol=3)
    assert [each.digit > 0.5 for each in found] == [True, True, False, True]
    assert [len(each.probabilities) for each in found] == [10, 10, 0, 10]
    assert found[0].image.shape == (28, 28)
    assert found[0].image.max() == 255


@pytest.mark.parametrize("size", [10, 40, 150, 600])
def test_digits_of_different_sizes_are_found(size):
    gray = page((3 * size, 2 * size, size // 2, size), height=5 * size, width=7 * size)
    (found,) = PageDetector(Squares()).find(gray, sure)
    np.testing.assert_allclose(found.box, (3 * size, 2 * size, size // 2, size), atol=max(3, 0.1 * size))


def test_small_digits_are_detected_again_at_the_ideal_size():
    detector = PageDetector(Squares())
    boxes = [(100 * i, 60, 14, 24) for i in range(1, 9)]
    looks = detector.hypotheses(page(*boxes, height=400, width=1000), sure)
    last = looks[-1]
    assert len(last.digits) == 8
    assert detector.policy.small <= last.size <= 1.3 * detector.policy.ideal


def test_search_ends_at_the_first_clear_view():
    network = Squares()
    PageDetector(network).find(page((60, 20, 60, 90), height=128, width=128), sure)
    assert len(network.seen) == 1


def test_views_have_at_most_the_pixels_of_the_policy():
    network = Squares()
    policy = ScalePolicy(most_pixels=30_000)
    assert PageDetector(network, policy).find(page(height=900, width=1200), sure) == []
    edge = 2 * policy.edge
    assert max((rows - edge) * (columns - edge) for rows, columns in network.seen) < 1.1 * policy.most_pixels
    assert min(min(shape) for shape in network.seen) >= policy.least_side


def test_enlargement_is_limited():
    network = Squares()
    PageDetector(network).find(page(height=20, width=20), sure)
    assert max(max(shape) for shape in network.seen) <= 4 * 20 + 64


def test_narrow_page_is_first_detected_as_a_whole():
    network = Squares()
    (found,) = PageDetector(network).find(page((2, 4, 8, 192), height=200, width=12), sure)
    np.testing.assert_allclose(found.box, (2, 4, 8, 192), atol=5)


def test_digit_with_low_confidence_is_kept_if_its_detection_score_is_high():
    gray = page((20, 20, 30, 45), (90, 20, 30, 45))

    def half_sure(images):
        return np.concatenate([sure(images[:1]), unsure(images[1:])])

    first, second = PageDetector(Squares()).find(gray, half_sure)
    confidences = sorted(max(each.probabilities) for each in (first, second))
    assert confidences == pytest.approx([0.1, 0.991], abs=0.01)
    strict = ScalePolicy(least_doubtful=1.0)
    assert len(PageDetector(Squares(), strict).find(gray, half_sure)) == 1


def test_value_of_a_hypothesis_grows_with_its_clear_digits():
    def found(confidence, size=20.0):
        row = (confidence,) + ((1 - confidence) / 9,) * 9
        return Found(np.zeros((28, 28), np.uint8), (0, 0, size, size), size, 1.0, 1.0, row)

    good = Hypothesis(2.0, (found(0.9), found(0.7, 30.0)), ())
    assert good.size == 50
    assert good.clearness == pytest.approx(0.8)
    assert good.value == pytest.approx(0.8)
    assert Hypothesis(1.0, (found(0.2),), ()).value < 0
    assert good.solid(0.5) == good
    assert good.solid(1.0).digits == ()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rotated_page_is_read_as_the_upright_one(turns):
    def upright(images):
        """Sure of a digit whose stem points up: it reaches further above its center of mass than below."""
        sure = []
        for image in images > 100:
            rows, columns = np.flatnonzero(image.any(1)) - 13.5, np.flatnonzero(image.any(0)) - 13.5
            up, left = -rows[0] - rows[-1], abs(columns[0] + columns[-1])
            sure.append(0.95 if up > max(1, left) else 0.1)
        return np.stack([[one, *[(1 - one) / 9] * 9] for one in sure])

    gray = page(height=160, width=240)
    for x in (20, 80, 150):
        gray[40:60, x + 8 : x + 14] = 20  # a stem on a foot
        gray[60:90, x : x + 22] = 20
    found = PageDetector(Kinds()).find(np.rot90(gray, -turns).copy(), upright)
    assert [(each.line, each.position) for each in found] == [(0, 0), (0, 1), (0, 2)]
    assert all(each.probabilities[0] > 0.6 for each in found)
    across = [each.box for each in found]
    along = {0: [b[0] for b in across], 1: [b[1] for b in across]}
    along |= {2: [-b[0] for b in across], 3: [-b[1] for b in across]}
    assert along[turns] == sorted(along[turns])
    widths = (found[0].image > 100).sum(1)
    assert widths[6] < widths[16]  # the stem is above


class Kinds(Squares):
    """Squares to which all is a digit."""

    def forward(self, pages: Tensor) -> Detection:
        """Find the components."""
        found = super().forward(pages)
        return found._replace(kinds=torch.full_like(found.kinds, 6.0))
