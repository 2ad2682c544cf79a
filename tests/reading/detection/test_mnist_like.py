import numpy as np
import pytest
import torch
from PIL import Image

from digitrec.data.synthetic.skeletons import digit_skeletons
from digitrec.data.synthetic.strokes import draw
from digitrec.reading.detection.mnist_like import mnist_like, stroke_width


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    random = torch.Generator().manual_seed(0)
    return torch.cat([draw(digit_skeletons()[digit][0], 3, 0.02, random) for digit in range(10)]).numpy()


def test_mnist_digits_are_taken_unchanged_in_either_polarity(digits):
    taken = [digit for digit in digits if mnist_like(digit) is not None]
    assert len(taken) > 0.8 * len(digits)
    for digit in taken:
        np.testing.assert_array_equal(mnist_like(digit), digit)
        np.testing.assert_array_equal(mnist_like(255 - digit), digit)


def test_other_pictures_are_not_mnist_like(digits):
    digit = next(each for each in digits if mnist_like(each) is not None)
    small = np.zeros((28, 28), np.uint8)
    small[7:21, 7:21] = np.asarray(Image.fromarray(digit).resize((14, 14)))
    noisy = digit.copy()
    noisy[0, ::3] = 90
    for picture in (np.roll(digit, 5, 1), small, noisy, digit // 3, np.zeros((28, 28), np.uint8), digit[:27]):
        assert mnist_like(picture) is None


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_stroke_width_of_a_bar_is_its_thickness(width):
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 10 : 10 + width] = 255
    assert stroke_width(bar) == pytest.approx(width, rel=0.3)
