import numpy as np
import pytest

from digitrec.reading.detection.tight_cuts import tight_one


def is_bar(image):
    return np.ptp(np.flatnonzero((image > 100).any(1))) >= 18 and (image > 100).sum(1).max() <= 6


def test_dark_bar_is_taken_as_a_whole():
    (found,) = tight_one(np.full((60, 8), 20, np.uint8))
    assert found.box == (0, 0, 8, 60)
    assert is_bar(found.image)


@pytest.mark.parametrize("light", [False, True])
def test_slanted_stroke_from_edge_to_edge_is_taken_in_either_polarity(light):
    page = np.full((60, 16), 230, np.uint8)
    for row in range(60):
        left = round(8 * (59 - row) / 59)
        page[row, left : left + 6] = 20
    (found,) = tight_one(255 - page if light else page)
    assert is_bar(found.image)


def shaded(height, width):
    return np.tile(np.linspace(60, 230, width), (height, 1))


@pytest.mark.parametrize(
    "page",
    [
        np.full((60, 8), 240),
        np.full((60, 40), 20),
        np.full((8, 60), 20),
        np.full((600, 200), 20),
        shaded(600, 200),
        shaded(3000, 1000),
    ],
    ids=lambda page: str(page.shape),
)
def test_light_strips_large_pages_and_pages_that_are_not_tall_have_no_digit(page):
    assert tight_one(page.astype(np.uint8)) == []
