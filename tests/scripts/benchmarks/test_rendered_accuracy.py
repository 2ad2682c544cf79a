"""What counts as found, correct and false positive on a rendered page, and the report of it."""

from contextlib import nullcontext

import pytest
import torch
from PIL import Image

from scripts.benchmarks import rendered_accuracy
from scripts.benchmarks.rendered_accuracy import calibration, invented, rendered, spread, table
from scripts.lib.mnist import mnist_test_set
from scripts.lib.page_results import error_sheet, intersection_over_union, match
from scripts.lib.readers import ReadDigit
from scripts.lib.rendering import Rendering
from tests.conftest import TEST

pytestmark = pytest.mark.scripts


BOX, SIGN = (0, 0, 20, 40), (100, 15, 20, 10)


def digit(text, box, confidence=0.9):
    return ReadDigit(text, confidence, box, 0, box[0])


def page(boxes=(), labels=(), kind="", marks=(), text=""):
    picture = Image.new("RGB", (200, 100), "white")
    return Rendering(picture, list(boxes), [0] * len(boxes), list(labels), kind, list(marks), text)


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


def test_a_question_mark_on_a_sign_is_no_false_positive_and_a_digit_there_is_one():
    sheet = match(page([BOX], [3], marks=[SIGN], text="3?"), [digit("3", BOX), digit("?", (98, 12, 9, 9))])
    assert (sheet.marked, sheet.false_positives, sheet.score.exact) == ([True], [], True)
    sheet = match(page([BOX], [3], marks=[SIGN], text="3?"), [digit("3", BOX), digit("2", SIGN)])
    assert (sheet.marked, len(sheet.false_positives), sheet.silent_errors()) == ([False], 1, 1)
    sheet = match(page([BOX], [3], marks=[SIGN]), [digit("?", (160, 15, 20, 10))])
    assert (sheet.marked, len(sheet.false_positives)) == ([False], 1)


WRITTEN = [
    match(page([BOX], [3], "photo", text="3"), [digit("3", BOX), digit("4", (90, 0, 9, 9))]),
    match(page([BOX], [3], "photo", text="3"), [digit("?", BOX, 0.2)]),
    match(page([BOX], [3], "scan", [SIGN], "3?"), []),
]
EMPTY = [match(page(), [digit("?", BOX)]), match(page(), [digit("1", BOX)]), match(page(), [])]


def test_the_table_counts_by_kind_and_a_cell_has_the_figure_of_each_reader(tmp_path):
    assert table({"digitrec": WRITTEN}).splitlines()[2:] == [
        "| photo | 2 | 2 | 100.0% | 50.0% | 50.0% | 1 | 1 | 1 | 0 | 0 | 0.0% | 0 |",
        "| scan | 1 | 1 | 0.0% | 0.0% | 0.0% | 0 | 0 | 0 | 1 | 0.0% | 0.0% | 0 |",
        "| **all** | 3 | 3 | 66.7% | 33.3% | 33.3% | 1 | 1 | 1 | 1 | 0.0% | 0.0% | 0 |",
    ]
    pair = table({"previous": WRITTEN, "digitrec": [match(each.page, [digit("3", BOX)]) for each in WRITTEN]})
    assert "| photo | 2 | 2 | 100.0% / 100.0% | 50.0% / 100.0% | 50.0% / 0.0% | 1 / 0 |" in pair
    error_sheet([*WRITTEN, *EMPTY], tmp_path / "errors.png")
    with Image.open(tmp_path / "errors.png") as sheet:
        assert sheet.size == (2000, 400)


def test_what_is_invented_on_pages_without_digits_is_counted_by_name():
    text = invented(EMPTY, "blank pages")
    assert text == "False positives on 3 blank pages: 2, of which 1 by name (1 silent errors)."
    signs = [match(page(marks=[SIGN, BOX]), [digit("?", SIGN)])]
    assert invented(signs, "pages with signs only").endswith(
        "0 by name (0 silent errors). 1 of 2 signs are `?`."
    )


def test_calibration_is_of_digits_read_by_name():
    right, wrong = (match(page([BOX], [3]), [digit(text, BOX, 0.75)]) for text in "38")
    lines = calibration({"digitrec": [right, right, wrong, wrong, WRITTEN[1]]}).splitlines()
    assert lines[0].endswith("on all pages with digits: 25.00 points.")
    assert lines[-1] == "| 0.7 to 0.8 | 4 | 75.0% | 50.0% |"
    assert "no digit" in calibration({"digitrec": [WRITTEN[1]]})


def test_the_spread_over_sets_is_of_the_share_read_in_each():
    right, wrong = (match(page([BOX], [3]), [digit(text, BOX)]) for text in "38")
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
    for name in ("rendered_set", "new_set"):
        monkeypatch.setattr(
            rendered_accuracy,
            name,
            lambda images, *_: used.append(len(images)) or [page([BOX], [3], text="3")],
        )
    reader = {"digitrec": lambda picture: []}
    monkeypatch.setattr(rendered_accuracy, "readers", lambda *_: nullcontext(reader))
    docs = tmp_path / "pictures.md"
    docs.write_text("<!-- benchmark rendered: written by a script -->\n<!-- end of benchmark rendered -->\n")
    monkeypatch.setattr(rendered_accuracy, "PICTURES", docs)
    monkeypatch.setattr(rendered_accuracy, "held_out", lambda _: (torch.zeros(7, 28, 28), torch.zeros(7)))
    rendered(seed=5)
    assert "False positives" not in docs.read_text()
    rendered()
    text = docs.read_text()
    assert "False positives on 3 blank, lined and squared pages without digits: 0," in text
    assert "False positives on 3 pages with signs only: 0, of which 0 by name" in text
    assert "**New kinds**" in text
    assert used == [7, 7, TEST, TEST]
