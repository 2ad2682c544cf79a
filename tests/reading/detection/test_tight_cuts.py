import numpy as np
import pytest

from digitrec.reading.detection.tight_cuts import tight_one


def classify(images):
    """A classifier with high confidence in 1 for narrow bars of the height of a digit."""
    rows = np.full((len(images), 10), 0.01, np.float32)
    for row, image in zip(rows, images > 100, strict=True):
        tall = np.ptp(np.flatnonzero(image.any(1))) >= 18
        row[1] = 0.97 if tall and image.sum(1).max() <= 6 else 0.1
    return rows


def test_dark_bar_is_a_one():
    found = tight_one(np.full((60, 8), 20, np.uint8), classify)
    assert found.box == (0, 0, 8, 60)
    assert found.probabilities[1] > 0.9


@pytest.mark.parametrize("light", [False, True])
def test_slanted_stroke_between_the_edges_is_a_one(light):
    page = np.full((60, 16), 230, np.uint8)
    for row in range(60):
        left = round(8 * (59 - row) / 59)
        page[row, left : left + 6] = 20
    found = tight_one(255 - page if light else page, classify)
    assert found is not None
    assert found.image.max() == 255


@pytest.mark.parametrize("page", [np.full((60, 8), 240), np.full((60, 40), 20), np.full((8, 60), 20)])
def test_light_strips_and_wide_pages_are_not_tight_crops(page):
    assert tight_one(page.astype(np.uint8), classify) is None
