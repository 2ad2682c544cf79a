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


def test_digits_of_mnist_are_taken_as_they_are_in_either_polarity(digits):
    taken = [digit for digit in digits if mnist_like(digit)]
    assert len(taken) > 0.8 * len(digits)
    for digit in taken:
        for picture in (digit, 255 - digit):
            (found,) = mnist_like(picture)
            np.testing.assert_array_equal(found.image, digit)


def test_other_pictures_are_not(digits):
    digit = next(each for each in digits if mnist_like(each))
    small = np.zeros((28, 28), np.uint8)
    small[7:21, 7:21] = np.asarray(Image.fromarray(digit).resize((14, 14)))
    noisy = digit.copy()
    noisy[0, ::3] = 90
    for picture in (np.roll(digit, 5, 1), small, noisy, digit // 3, np.zeros((28, 28), np.uint8), digit[:27]):
        assert mnist_like(picture) == []


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_the_width_of_a_stroke(width):
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 10 : 10 + width] = 255
    assert stroke_width(bar) == pytest.approx(width, rel=0.3)
