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


def sheet(height, width):
    page = np.full((height, width), 60)
    page[height // 5 : -height // 5, width // 5 : -width // 5] = 220
    return page


def ruled(height, width):
    page = np.full((height, width), 230)
    page[height // 8 :: height // 8] = 90
    page[:, width // 10] = 90
    return page


def half_dark(height, width):
    page = np.full((height, width), 220)
    page[:, : width // 3] = 80
    return page


@pytest.mark.parametrize(
    "page",
    [
        np.full((60, 8), 240),
        np.full((60, 40), 20),
        np.full((8, 60), 20),
        shaded(600, 200),
        sheet(3000, 1000),
        ruled(600, 200),
        half_dark(600, 200),
    ],
    ids=["light", "not tall", "wide", "shaded", "sheet on a desk", "ruled", "half dark"],
)
def test_other_pages_have_no_digit(page):
    assert tight_one(page.astype(np.uint8)) == []
