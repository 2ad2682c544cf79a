"""Pages: pictures shrunk band by band, gray and upright."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from digitrec.reading.pictures import page as pages

RAMP = Image.fromarray(np.add.outer(np.arange(60), 3 * np.arange(40)).astype(np.uint8))


def page_of(image, orientation=1):
    def bands(rows):
        for top in range(0, image.height, rows):
            yield image.crop((0, top, image.width, min(top + rows, image.height)))

    return pages.make(pages.shrink(bands, image.size), image.size, orientation)


def test_a_small_picture_is_its_own_page():
    page = page_of(RAMP)
    np.testing.assert_array_equal(page.pixels, np.asarray(RAMP))
    assert (page.scale, page.size) == (1.0, (40, 60))
    assert page.pixels.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_page_is_upright(orientation):
    tagged = RAMP.copy()
    tagged.getexif()[0x0112] = orientation
    page = page_of(RAMP, orientation)
    upright = ImageOps.exif_transpose(tagged)
    np.testing.assert_array_equal(page.pixels, np.asarray(upright))
    assert page.size == upright.size


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (401, 599), (1200, 10)])
@pytest.mark.parametrize("band", [50, 1_000_000])
def test_a_large_picture_is_shrunk_by_averaging(size, band, monkeypatch):
    monkeypatch.setattr(pages, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(pages, "BAND_PIXELS", band)
    pixels = np.add.outer(np.arange(size[1]), np.arange(size[0])) * (200 / sum(size))
    noise = np.random.default_rng(0).integers(-40, 41, pixels.shape)
    page = page_of(Image.fromarray((pixels + 40 + noise).clip(0, 255).astype(np.uint8)))
    height, width = page.pixels.shape
    assert 9_500 < width * height <= 10_000
    assert page.scale == pytest.approx(size[0] / width, rel=2 / min(width, height))
    x, y = (np.arange(length) * page.scale + page.scale / 2 for length in (width, height))
    expected = np.add.outer(y, x) * (200 / sum(size)) + 40
    error = page.pixels - expected
    assert abs(error[1:-1, 1:-1].mean()) < 1
    assert error.std() < 40 / 3**0.5 / page.scale * 1.3  # as the mean of scale * scale pixels


def test_a_picture_decoded_smaller_has_the_size_of_its_file():
    page = pages.make(RAMP, (80, 120), orientation=6)
    assert (page.scale, page.size) == (2.0, (120, 80))
