"""Pictures: what becomes a page, and what is refused with a sentence."""

import numpy as np
import pytest
from PIL import Image

from digitrec import pictures


def test_a_grey_png_is_its_own_page(tmp_path):
    pixels = np.arange(28 * 28, dtype=np.uint32).reshape(28, 28).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    page = pictures.load(tmp_path / "a.png")
    np.testing.assert_array_equal(page.pixels, pixels)
    assert (page.scale, page.size) == (1.0, (28, 28))


def test_an_empty_file_is_refused_by_name(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(pictures.PictureError, match=r"a\.png is empty"):
        pictures.load(tmp_path / "a.png")
