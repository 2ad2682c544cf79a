import numpy as np
import pytest

from digitrec.reading.detection.tight_cuts import tight_one


def classify(images):
    """Sure of a 1 where an image is a bar of a digit's height that is not wide."""
    rows = np.full((len(images), 10), 0.01, np.float32)
    for row, image in zip(rows, images > 100, strict=True):
        tall = np.ptp(np.flatnonzero(image.any(1))) >= 18
        row[1] = 0.97 if tall and image.sum(1).max() <= 6 else 0.1
    return rows


def test_a_dark_bar_is_a_one():
    found = tight_one(np.full((60, 8), 20, np.uint8), classify)
    assert found.box == (0, 0, 8, 60)
    assert found.probabilities[1] > 0.9


@pytest.mark.parametrize("light", [False, True])
def test_a_slanted_stroke_from_edge_to_edge_is_a_one(light):
    page = np.full((60, 16), 230, np.uint8)
    for row in range(60):
        left = round(8 * (59 - row) / 59)
        page[row, left : left + 6] = 20
    found = tight_one(255 - page if light else page, classify)
    assert found is not None
    assert found.image.max() == 255


@pytest.mark.parametrize("page", [np.full((60, 8), 240), np.full((60, 40), 20), np.full((8, 60), 20)])
def test_light_strips_and_pages_that_are_not_tall_are_none(page):
    assert tight_one(page.astype(np.uint8), classify) is None
