"""What counts as found, read and invented on a rendered page, and that the report says it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from digitrec.reading.results import Digit
from PIL import Image

from digitrec.data.datamodule import MNISTDataModule
from digitrec.reading.reader import Reader
from scripts.benchmarks import rendered_accuracy
from scripts.benchmarks.rendered_accuracy import error_sheet, match, rendered, shared, spread, table
from scripts.lib.rendering import Rendering
from tests.conftest import TEST


def digit(text, box, confidence=0.9):
    return Digit(text, confidence, (0.1,) * 10, box, 0, 0, np.zeros((28, 28), np.uint8))


def page(boxes=(), labels=(), kind=""):
    picture = Image.new("RGB", (200, 100), "white")
    return Rendering(picture, list(boxes), [0] * len(boxes), list(labels), kind)


def test_the_share_of_two_boxes_is_that_of_what_either_covers():
    assert shared((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert shared((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert shared((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_each_true_digit_gets_what_lies_in_its_place_once_and_the_rest_is_invented():
    boxes = [(0, 0, 20, 40), (50, 0, 20, 40), (100, 0, 20, 40)]
    read = [digit("1", (1, 0, 20, 40)), digit("2", (0, 0, 20, 39)), digit("9", (50, 0, 20, 40))]
    sheet = match(page(boxes, [2, 5, 7]), read)
    assert [found and found.digit for found in sheet.matched] == ["2", "9", None]
    assert sheet.right() == [True, False, False]
    assert [found.digit for found in sheet.invented] == ["1"]


def test_the_table_counts_by_kind_and_says_what_was_invented_on_empty_pages(tmp_path):
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
    assert "On 3 empty" in lines[-1]
    assert "2 pieces were taken for digits, 1 of them by name" in lines[-1]
    error_sheet([*written, *empty], tmp_path / "errors.png")
    with Image.open(tmp_path / "errors.png") as sheet:
        assert sheet.size == (2000, 400)


def test_the_spread_over_sets_is_of_the_share_read_in_each():
    box = (0, 0, 20, 40)
    right, wrong = (match(page([box], [3]), [digit(text, box)]) for text in "38")
    said = spread([[right, right, right, wrong], [right, wrong], [right]])
    assert said == "Found and read in the 3 sets: 75.0, 50.0, 100.0 %; mean 75.00, standard deviation 25.00."


def test_the_report_is_of_the_test_images_and_other_seeds_of_held_out_ones(
    fake_mnist, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rendered_accuracy, "MNISTDataModule", lambda: MNISTDataModule(str(fake_mnist)))
    monkeypatch.setattr(rendered_accuracy, "EMPTY", 3)
    monkeypatch.setattr(rendered_accuracy, "SEEDS", [1])
    monkeypatch.setattr(rendered_accuracy, "read_checkpoint", lambda path: {})
    used = []
    monkeypatch.setattr(rendered_accuracy, "rendered_set", lambda images, *_: used.append(len(images)) or [])
    monkeypatch.setattr(rendered_accuracy, "_row", lambda *_: "")
    reader = SimpleNamespace(read=lambda picture: SimpleNamespace(digits=()))
    monkeypatch.setattr(Reader, "pretrained", lambda: reader)
    docs = tmp_path / "pictures.md"
    docs.write_text("<!-- benchmark rendered: written by a script -->\n<!-- end of benchmark rendered -->\n")
    monkeypatch.setattr(rendered_accuracy, "DOCS", docs)
    monkeypatch.setattr(rendered_accuracy, "held_out", lambda _: (torch.zeros(7, 28, 28), torch.zeros(7)))
    rendered(seed=5)
    assert "On 3 empty" not in docs.read_text()
    rendered()
    assert "On 3 empty, lined and squared pages 0 pieces" in docs.read_text()
    assert used == [7, TEST]
