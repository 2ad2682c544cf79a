import json
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image

from scripts import benchmark
from scripts.benchmarks import picture_accuracy
from scripts.benchmarks.picture_accuracy import (
    error_sheet,
    measure,
    pictures,
    sources,
    write_json,
)
from scripts.lib.baselines import DEFAULT, Prediction
from scripts.lib.picture_sets import sets as picture_sets
from scripts.lib.picture_sets.sets import LabelError, Picture, PictureSet
from scripts.lib.picture_tables import Result, tables

pytestmark = pytest.mark.scripts

SINGLE = PictureSet("owner/name", ("digits/*.png",), "first", "pen", left_out={"a.png": "no digit"})
ROW = PictureSet("owner/rows", ("*.png",), {"1.png": "12 34"}, "pen", "row", crop={"1.png": [0, 0, 4, 3]})
BENCHMARK = PictureSet("owner/other", ("a.gz",), "usps", "small", "benchmark")


def prediction(text, confidence=0.5):
    return Prediction(text, (confidence,) * len(text.replace(" ", "")))


def result(label, reads, name="x.png"):
    read = dict(zip(DEFAULT, map(prediction, reads), strict=True))
    return Result(Picture("owner/name digits", name, label, Image.new("L", (9, 7))), read)


def cells(text, name):
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


MEASURED = [
    (SINGLE, [result("3", "1333"), result("4", ["4", "9", "4", "44"]), result("5", "555?")]),
    (SINGLE, [result("7", "1177")]),
    (
        ROW,
        [
            result("12 34", ["1", "1", "1", "12 34"]),
            result("12 34 5", ["1", "1", "1", "12 3? 5"]),
            result("0", "0000"),
        ],
    ),
    (BENCHMARK, [result("2", "2222")] * 3 + [result("2", "2111")]),
]


def test_a_single_digit_is_correct_only_if_exactly_it_is_read():
    text = tables(MEASURED[:1], DEFAULT)
    assert cells(text, "owner/name digits") == ["3", "66.7%", "66.7%", "100.0%", "33.3%", "33.3%", "0"]


def test_the_pool_weighs_each_picture_the_same_and_holds_no_other_benchmark():
    text = tables(MEASURED[:2] + MEASURED[3:], DEFAULT)
    assert cells(text, r"**pooled**") == ["4", "50.0%", "50.0%", "100.0%", "50.0%", "25.0%", "0"]
    assert cells(text, "owner/other") == ["4", "100.0%", "75.0%", "75.0%", "75.0%", "0.0%", "0"]


def test_rows_count_whole_pictures_lines_and_digits_of_readers():
    text = tables(MEASURED[2:3], DEFAULT)
    assert cells(text, "owner/rows") == ["3", "6", "10", "2", "2", "5", "90.0%", "33.3%", "0"]
    assert "Rows" not in tables(MEASURED, ["published", "otsu"])


def test_two_readers_share_the_cells():
    read = {"previous": prediction("12 9", 0.9), "digitrec": prediction("1?2 3 ?", 0.9)}
    several = [(ROW, [Result(Picture("", "", "12 3", Image.new("L", (9, 7))), read)])]
    text = tables(several, list(read))
    figures = ["0 / 1", "0 / 0", "1 / 2", "66.7% / 100.0%", "0.0% / 100.0%", "1 / 0"]
    assert cells(text, "owner/rows") == ["1", "2", "3", *figures]


def test_methods_that_cannot_refuse_have_no_column_for_it():
    assert "refused" not in tables(MEASURED, ["published", "otsu"])


def test_the_sources_list_commit_and_rule(tmp_path):
    (tmp_path / "COMMIT").write_text("bbde6cee46857965f52de2e99a2a99046816d8e0")
    text = sources([(SINGLE, tmp_path), (ROW, tmp_path)])
    assert cells(text, "owner/name digits, single")[0] == "`bbde6cee4685`"
    assert cells(text, "owner/name digits, single")[2] == "the first character of the file's name"
    assert cells(text, "owner/rows, row")[2] == "read by a person"


def test_the_json_holds_the_prediction_of_each_method(tmp_path):
    write_json(MEASURED[:1], tmp_path / "out.json")
    first, second, _ = json.loads((tmp_path / "out.json").read_text())
    assert (first["set"], first["kind"], first["label"]) == ("owner/name digits", "single", "3")
    assert second["predictions"]["digitrec"] == {"text": "44", "confidences": [0.5, 0.5]}
    assert second["scores"]["digitrec"]["read"] == 1


def test_the_sheet_has_a_cell_for_each_error_but_those_of_other_benchmarks(tmp_path):
    error_sheet(MEASURED, "digitrec", tmp_path / "few.png")
    error_sheet([*MEASURED, (BENCHMARK, [result("1", "2222")] * 90)], "digitrec", tmp_path / "same.png")
    error_sheet([*MEASURED, (SINGLE, [result("1", "2222")] * 90)], "digitrec", tmp_path / "many.png")
    heights = []
    for name in ("few", "same", "many"):
        with Image.open(tmp_path / f"{name}.png") as sheet:
            heights.append(sheet.height)
    assert heights[0] == heights[1] == heights[2] / 12


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Make a folder with a known set of two pictures, docs with the sections, and fake methods."""
    for name in ("7", "1"):
        (tmp_path / "shelf" / "name" / "digits").mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 7)).save(tmp_path / "shelf" / "name" / "digits" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    Path("docs/results").mkdir(parents=True)
    names = ["benchmark pictures", "picture sets", "benchmark unseen pictures", "unseen picture sets"]
    names += ["benchmark pages", "page sets"]
    begin_end = [f"<!-- {name}: written by a script -->\n<!-- end of {name} -->\n" for name in names]
    Path("docs/results/pictures.md").write_text("".join(begin_end))
    for module in (picture_accuracy, picture_sets):
        monkeypatch.setattr(module, "known_sets", lambda sets="used": [SINGLE])
    methods = {
        name: lambda source, digit=digit: prediction(digit, 1.0)
        for name, digit in zip(DEFAULT, "7171", strict=True)
    }
    monkeypatch.setattr(picture_accuracy, "readers", lambda *_: nullcontext({"digitrec": None}))
    monkeypatch.setattr(
        picture_accuracy, "build_methods", lambda names, *_: {name: methods[name] for name in names}
    )
    return tmp_path / "shelf"


def test_a_whole_measurement_is_written_into_the_docs(shelf):
    pictures([shelf])
    text = Path("docs/results/pictures.md").read_text()
    assert cells(text, "owner/name digits") == ["2", "50.0%", "50.0%", "50.0%", "50.0%", "0.0%", "1"]
    assert "owner/name digits, single" in text


def test_a_part_of_the_measurement_leaves_the_docs_alone(shelf, capsys):
    before = Path("docs/results/pictures.md").read_text()
    pictures([shelf], methods=["otsu"], output=Path("out.json"), errors=Path("errors.png"))
    assert Path("docs/results/pictures.md").read_text() == before
    assert "owner/name digits | 2 | 50.0% |" in capsys.readouterr().out
    assert len(json.loads(Path("out.json").read_text())) == 2
    assert Path("errors.png").stat().st_size > 0


def test_a_page_is_read_by_readers_only_and_compared_with_its_signs(shelf, monkeypatch, capsys):
    page = PictureSet("owner/name", ("digits/7.png",), {"7.png": "1?2 3"}, "a table", "table")
    for module in (picture_accuracy, picture_sets):
        monkeypatch.setattr(module, "known_sets", lambda sets: [page])
    read = {"previous": "12 3", "digitrec": "?1?2? ? 3"}
    monkeypatch.setattr(picture_accuracy, "readers", lambda *_: nullcontext(read))
    methods = {name: lambda source, text=text: prediction(text) for name, text in read.items()}
    monkeypatch.setattr(picture_accuracy, "build_methods", lambda names, *_: {n: methods[n] for n in names})
    pictures([shelf], sets="pages")
    figures = ["0 / 1", "0 / 0", "1 / 2", "100.0% / 100.0%", "0.0% / 100.0%", "0 / 0"]
    assert cells(capsys.readouterr().out, "**table**") == ["1", "2", "3", *figures]
    _, _, section = Path("docs/results/pictures.md").read_text().partition("<!-- benchmark pages")
    assert cells(section, "**pooled**") == ["1", "2", "3", *figures]


def test_of_unseen_pictures_only_the_pool_is_shown_in_sections_of_their_own(shelf, capsys):
    pictures([shelf])
    before, _, _ = Path("docs/results/pictures.md").read_text().partition("<!-- benchmark unseen pictures")
    pictures([shelf], sets="unseen")
    text = Path("docs/results/pictures.md").read_text()
    assert text.startswith(before)
    unseen = text.removeprefix(before)
    assert cells(unseen, "**pooled**, 1 sets") == ["2", "50.0%", "50.0%", "50.0%", "50.0%", "0.0%", "1"]
    assert "owner/name digits, single" in unseen
    assert "| owner/name digits |" not in unseen


@pytest.mark.parametrize("asked", [{"output": Path("out.json")}, {"errors": Path("errors.png")}])
def test_predictions_for_single_unseen_pictures_are_refused(shelf, asked):
    with pytest.raises(LabelError, match=r"^Unseen pictures stay unseen: use neither --output"):
        pictures([shelf], sets="unseen", **asked)
    assert not any(path.exists() for path in asked.values())


def test_a_picture_that_cannot_be_read_is_named(shelf):
    def read(source):
        raise OSError("cannot identify image file")

    with pytest.raises(LabelError, match=r"1\.png cannot be read: cannot identify"):
        measure([(SINGLE, shelf / "name")], {"otsu": read})


def test_a_mistake_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["benchmark.py", "pictures", str(tmp_path / "nowhere"), "--methods", "digitrec"]
    )
    with pytest.raises(SystemExit, match=r"^benchmark: .*nowhere holds no pictures: give a folder"):
        benchmark.main()
