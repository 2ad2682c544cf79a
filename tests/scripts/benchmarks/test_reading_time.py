import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from digitrec.data.download import ensure_mnist
from scripts.benchmarks import reading_time
from scripts.benchmarks.reading_time import decode, median_times, photograph, reading, write_pictures
from tests.conftest import TEST

pytestmark = pytest.mark.scripts

DIGITS = np.zeros((10, 28, 28), np.uint8)
DIGITS[:, 4:24, 12:16] = 255


def size(path):
    with Image.open(path) as image:
        return image.size


def test_a_photograph_is_dark_on_light_and_lit_unevenly():
    page = np.asarray(photograph(DIGITS[:4], (400, 100), seed=0)).astype(float)
    assert page.shape == (100, 400)
    assert page[40:60, 46:54].mean() < page[40:60, 10:20].mean() - 100  # ink against the paper beside it
    assert page[:10, -50:].mean() > page[:10, :50].mean() + 20


def test_the_pictures_are_as_large_and_as_many_as_documented(tmp_path):
    photo, small = write_pictures(tmp_path, np.tile(DIGITS, (4, 1, 1)))
    with Image.open(photo) as image:
        assert (image.size, image.format, image.mode) == ((4000, 3000), "JPEG", "RGB")
    sides = [size(path) for path in small]
    assert len(set(small)) == 40
    assert all(width == height and 60 <= width <= 200 for width, height in sides)
    assert len(set(sides)) > 10


def test_tasks_take_turns_and_the_first_round_does_not_count(monkeypatch):
    order = []
    clock = iter([0, 100, 0, 200, *[0, 3, 0, 5] * 3])
    monkeypatch.setattr(reading_time.time, "perf_counter", lambda: next(clock))
    work = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert median_times(work, rounds=3) == {"a": 3, "b": 5}
    assert "".join(order) == "abababab"


def test_decoding_reads_the_pixels(tmp_path):
    path = tmp_path / "cut.png"
    photograph(DIGITS[:1], (90, 90), seed=0).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(OSError, match="truncated"):
        decode([path])


def test_the_table_has_both_times_and_their_ratio(fake_mnist, monkeypatch):
    seen = []
    reader = SimpleNamespace(read=seen.append)
    monkeypatch.setitem(
        sys.modules,
        "digitrec.reading.reader",
        SimpleNamespace(Reader=SimpleNamespace(pretrained=lambda: reader)),
    )
    monkeypatch.setattr(reading_time, "PHOTO", (400, 300))
    ensure_mnist(str(fake_mnist))
    text = reading(1, str(fake_mnist), "a machine")
    assert "Median of 1 interleaved rounds; a machine." in text
    photo, small = text.splitlines()[-2:]
    assert photo.startswith("| a photograph of 12 megapixels, JPEG |")
    assert small.startswith(f"| {TEST} small, PNG |")
    assert len(seen) == 2 * (1 + TEST)  # the warm-up round and the measured one
