import numpy as np
import pytest

from digitrec.reading.detection.mnist_image import mnist_image


def bar(height: int, width: int, fill: float = 1.0) -> np.ndarray:
    return np.full((height, width), fill, np.float32)


@pytest.mark.parametrize(("height", "width"), [(30, 12), (12, 30), (100, 100), (7, 7), (300, 40)])
def test_longest_side_becomes_20_pixels_at_the_same_aspect_ratio(height, width):
    image = mnist_image(bar(height, width))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    rows, columns = np.nonzero(image > 127)
    sides = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert max(sides) == 20
    assert sides[0] / sides[1] == pytest.approx(height / width, rel=0.15)


def test_center_of_mass_is_in_the_middle():
    mask = np.zeros((40, 30), np.float32)
    mask[:, :8] = mask[:8] = 1
    image = mnist_image(mask).astype(float)
    places = np.arange(28) - 13.5
    assert abs(image.sum(1) @ places / image.sum()) <= 0.51
    assert abs(image.sum(0) @ places / image.sum()) <= 0.51


def test_stretched_view_gives_the_same_image():
    mask = np.zeros((40, 40), np.float32)
    mask[:, 10:20] = mask[15:22] = 1
    wide = mask.repeat(2, axis=1)
    plain, stretched = mnist_image(mask), mnist_image(wide, pixels_across=2)
    assert np.abs(plain.astype(int) - stretched).mean() < 4


def test_improbable_foreground_is_black():
    mask = bar(20, 20, 0.15)
    mask[5:15, 5:15] = 1
    image = mnist_image(mask)
    assert image[14, 14] == 255
    assert image[5, 5] == 0
    assert not mnist_image(bar(20, 20, 0.0)).any()
