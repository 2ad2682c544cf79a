import numpy as np
import pytest

from scripts.lib.rendering.new_kinds import CLEAR_SIGNS, KINDS, UPRIGHT, new_set, sign_pages
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.scripts

ROUND = sum(kind.digits for kind in KINDS.values())


@pytest.fixture(scope="module")
def pages():
    digits = np.tile(stroke_digits(), (10, 1, 1))
    return {page.kind: page for page in new_set(digits, list(range(10)) * 10, ROUND, 3)}


def test_a_round_has_a_page_of_each_kind_with_its_digits(pages):
    assert list(pages) == list(KINDS)
    for name, page in pages.items():
        assert len(page.boxes) == len(page.labels) == len(page.lines) == KINDS[name].digits
        assert page.text.replace(" ", "").replace("?", "") == "".join(map(str, page.labels))
        assert bool(page.marks) == bool(KINDS[name].signs)
        assert page.text.count("?") == len(page.marks)
        for x, y, width, height in page.boxes + page.marks:
            assert min(x, y) >= 0
            assert min(width, height) > 0
            assert x + width <= page.picture.width
            assert y + height <= page.picture.height


def test_boxes_hold_ink_on_pages_that_are_turned_and_cut(pages):
    for kind in ("turned by 90°", "cut, no margin", "broken strokes"):
        gray = np.asarray(pages[kind].picture.convert("L")).astype(int)
        for x, y, width, height in pages[kind].boxes:
            assert np.ptp(gray[y : y + height, x : x + width]) > 30


def test_a_turned_row_tells_which_way_up_it_is_and_continental_digits_are_their_own(pages):
    assert len(set(pages["turned by 90°"].labels) & set(UPRIGHT)) >= 1
    assert set(pages["continental"].labels) <= {0, 1, 4, 7}


def test_the_same_seed_gives_the_same_pages():
    first, again, other = ([page.picture.tobytes() for page in sign_pages(4, seed)] for seed in (5, 5, 6))
    assert first == again != other


def test_sign_pages_have_signs_and_no_digit():
    for page in sign_pages(6, 0):
        assert page.boxes == page.labels == []
        assert 1 <= len(page.marks) <= 4
        assert set(page.text) == {"?"}
    assert "/" not in CLEAR_SIGNS
