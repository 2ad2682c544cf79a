import numpy as np
import pytest

from scripts.lib.rendering.scenes import PAGES, empty_pages, rendered_set
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.scripts

DIGITS = stroke_digits()


def test_a_set_uses_each_digit_once_in_fixed_proportions():
    count = sum(size for _, size, _ in PAGES)
    digits = np.tile(DIGITS, (6, 1, 1))[:count]
    labels = np.tile(np.arange(10), 6)[:count]
    pages = list(rendered_set(digits, labels, count, 0))
    assert [page.kind for page in pages] == [kind for kind, _, _ in PAGES]
    assert [len(page.boxes) for page in pages] == [size for _, size, _ in PAGES]
    assert sorted(label for page in pages for label in page.labels) == sorted(labels)
    with pytest.raises(ValueError, match="There are 47 digits to render, not 48"):
        next(rendered_set(digits, labels, count + 1, 0))


def test_empty_pages_have_no_digit_and_differ():
    pages = list(empty_pages(6, 0))
    assert all(page.boxes == [] for page in pages)
    assert len({page.picture.tobytes() for page in pages}) == 6
