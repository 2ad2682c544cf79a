"""What counts as found, correct and false positive on a rendered page, and the report of it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from digitrec.reading.reader import Reader
from digitrec.reading.results import Digit
from scripts.benchmarks import rendered_accuracy
from scripts.benchmarks.rendered_accuracy import (
    error_sheet,
    intersection_over_union,
    match,
    rendered,
    spread,
    table,
)
from scripts.lib.mnist import mnist_test_set
from scripts.lib.rendering import Rendering
from tests.conftest import TEST

pytestmark = pytest.mark.scripts


def digit(text, box, confidence=0.9):
    return Digit(text, confidence, (0.1,) * 10, box, 0, 0, np.zeros((28, 28), np.uint8))


def page(boxes=(), labels=(), kind=""):
    picture = Image.new("RGB", (200, 100), "white")
    return Rendering(picture, list(boxes), [0] * len(boxes), list(labels), kind)


def test_the_intersection_over_union_of_two_boxes():
    assert intersection_over_union((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert intersection_over_union((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert intersection_over_union((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_each_true_digit_gets_what_lies_in_its_place_once_and_the_rest_are_false_positives():
    boxes = [(0, 0, 20, 40), (50, 0, 20, 40), (100, 0, 20, 40)]
    read = [digit("1", (1, 0, 20, 40)), digit("2", (0, 0, 20, 39)), digit("9", (50, 0, 20, 40))]
    sheet = match(page(boxes, [2, 5, 7]), read)
    assert [found and found.digit for found in sheet.matched] == ["2", "9", None]
    assert sheet.correct() == [True, False, False]
    assert [found.digit for found in sheet.false_positives] == ["1"]


def test_the_table_counts_by_kind_and_counts_false_positives_on_empty_pages(tmp_path):
    box = (0, 0, 20, 40)
    written = [
        match(page([box], [3], "photo"), [digit("3", box), digit("4", (90, 0, 9, 9))]),
        match(page([box], [3], "photo"), [digit("?", box, 0.2)]),
        match(page([box], [3], "scan"), []),
    ]
    empty = [match(page(), [digit("?", box)]), match(page(), [digit("1", box)]), match(page(), [])]
    lines = table(written, empty).splitlines()
    assert lines[2:5] == [
        "| photo | 2 | 2 | 100.0% | 50.0% | 50.0% | 1 |",
        "| scan | 1 | 1 | 0.0% | 0.0% | 0.0% | 0 |",
        "| **all** | 3 | 3 | 66.7% | 33.3% | 33.3% | 1 |",
    ]
    assert lines[-1] == (
        "False positives on 3 blank, lined and squared pages without digits: 2, of which 1 not refused."
    )
    error_sheet([*written, *empty], tmp_path / "errors.png")
    with Image.open(tmp_path / "errors.png") as sheet:
        assert sheet.size == (2000, 400)


def test_the_spread_over_sets_is_of_the_share_read_in_each():
    box = (0, 0, 20, 40)
    right, wrong = (match(page([box], [3]), [digit(text, box)]) for text in "38")
    text = spread([[right, right, right, wrong], [right, wrong], [right]])
    assert text == "Read correctly in the 3 sets: 75.0, 50.0, 100.0 %; mean 75.00, standard deviation 25.00."


def test_the_report_is_of_the_test_images_and_other_seeds_of_held_out_ones(
    fake_mnist, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rendered_accuracy, "mnist_test_set", lambda: mnist_test_set(fake_mnist))
    monkeypatch.setattr(rendered_accuracy, "EMPTY", 3)
    monkeypatch.setattr(rendered_accuracy, "SEEDS", [1])
    monkeypatch.setattr(rendered_accuracy, "read_checkpoint", lambda path: {})
    used = []
    monkeypatch.setattr(rendered_accuracy, "rendered_set", lambda images, *_: used.append(len(images)) or [])
    monkeypatch.setattr(rendered_accuracy, "_row", lambda *_: [""] * 7)
    reader = SimpleNamespace(read=lambda picture: SimpleNamespace(digits=()))
    monkeypatch.setattr(Reader, "pretrained", lambda: reader)
    docs = tmp_path / "pictures.md"
    docs.write_text("<!-- benchmark rendered: written by a script -->\n<!-- end of benchmark rendered -->\n")
    monkeypatch.setattr(rendered_accuracy, "PICTURES", docs)
    monkeypatch.setattr(rendered_accuracy, "held_out", lambda _: (torch.zeros(7, 28, 28), torch.zeros(7)))
    rendered(seed=5)
    assert "False positives" not in docs.read_text()
    rendered()
    assert "False positives on 3 blank, lined and squared pages without digits: 0," in docs.read_text()
    assert used == [7, TEST]
