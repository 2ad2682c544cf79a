"""MNIST as PNG files: what is written into them, and how readings are counted."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from digitrec.data.mnist import load_mnist
from digitrec.reading.pictures.loading import load
from digitrec.reading.results import Reading
from scripts.benchmarks.png_accuracy import BACKGROUNDS, as_png, png, png_table, row
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.scripts


def read(digits, confidence=0.9):
    digits = tuple(SimpleNamespace(digit=digit, line=0, confidence=confidence) for digit in digits)
    return Reading(digits)


def test_the_files_hold_the_image_as_it_is_and_inverted():
    image = np.arange(784, dtype=np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(load(as_png(image, BACKGROUNDS[0])).pixels, image)
    np.testing.assert_array_equal(load(as_png(image, BACKGROUNDS[1])).pixels, 255 - image)


def test_only_one_correct_digit_counts_and_the_difference_to_the_network_is_lost():
    readings = [read("1"), read("2", 0.1), read("33"), read(""), read("7", 0.1)]
    assert row("x", readings, [1, 2, 3, 4, 5], direct=4, threshold=0.41) == "| x | 40.00 | 40.00 | 40.00 |"


def test_digits_drawn_by_code_come_through_as_files_without_a_loss():
    images = torch.from_numpy(np.stack([*stroke_digits()]))
    lines = png_table(images, torch.arange(10))
    correct = {line.split(" | ")[1] for line in lines[2:]}
    assert len(lines) == 5
    assert correct == {"100.00"}
    assert [line.split(" | ")[2] for line in lines[3:]] == ["0.00", "0.00"]


def test_all_test_images_are_read_and_no_others(fake_mnist, monkeypatch):
    seen = []
    monkeypatch.setattr("scripts.benchmarks.png_accuracy.png_table", lambda *tensors: seen.extend(tensors))
    png(str(fake_mnist))
    for used, true in zip(seen, load_mnist(fake_mnist, train=False), strict=True):
        assert torch.equal(used, true)
