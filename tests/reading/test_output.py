"""predict on pictures: text lines, CSV rows, annotated copies and refused files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitrec.cli import main
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

RUN = Path("lightning_logs/predict/version_0")


@pytest.fixture
def pictures(workplace):
    """A folder with a row of three digits, an empty page and a file that is no picture."""
    folder = workplace / "my digits"
    folder.mkdir()
    page = render(stroke_digits()[[2, 7, 0]], Options(height=60), 0)
    page.picture.save(folder / "1 row.png")
    Image.fromarray(np.full((50, 80), 250, np.uint8)).save(folder / "2 empty.png")
    (folder / "3 text.png").write_text("no picture")
    return page


def predict(*args):
    return main(["predict", "--ckpt_path=pretrained", "--data.pictures=my digits", *args])


def rows_of(run):
    with (run / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_picture_is_a_line_and_each_digit_a_row(pictures, capsys):
    status = predict()
    said = capsys.readouterr()
    assert "my digits/1 row.png: 270  (" in said.out
    assert "my digits/2 empty.png: no digit found" in said.out
    assert "3 text.png is not a picture" in said.err
    assert "1 of the pictures could not be read" in said.err
    assert status == 1
    rows = rows_of(RUN)
    assert [row["digit"] for row in rows] == ["2", "7", "0"]
    assert [row["position"] for row in rows] == ["0", "1", "2"]
    for row, (x, y, width, height) in zip(rows, pictures.boxes, strict=True):
        assert row["picture"] == "my digits/1 row.png"
        assert abs(int(row["x"]) - x) <= 3
        assert abs(int(row["y"]) - y) <= 3
        assert abs(int(row["width"]) - width) <= 6
        assert abs(int(row["height"]) - height) <= 6
        probabilities = [float(row[f"p{digit}"]) for digit in range(10)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert 0.5 * max(probabilities) < float(row["confidence"]) <= max(probabilities)


def test_a_digit_below_the_threshold_is_a_question_mark(pictures):
    predict("--predictions.threshold=0.9999999")
    rows = rows_of(RUN)
    assert "?" in {row["digit"] for row in rows}
    assert all(row["digit"] == "?" for row in rows if float(row["confidence"]) < 0.9999)


def test_annotated_copies_and_a_sheet_are_written_when_asked_for(pictures):
    predict()
    assert not (RUN / "annotated").exists()
    predict("--predictions.annotate=true")
    run = RUN.with_name("version_1")
    copy = Image.open(run / "annotated" / "1 row.png.png")
    factor = copy.width // pictures.picture.width  # small pictures are enlarged, to hold the labels
    assert copy.size == tuple(factor * side for side in pictures.picture.size)
    x, y, _, height = (factor * side for side in pictures.boxes[0])
    left = np.asarray(copy)[y : y + height, max(0, x - 8 * factor) : x + 1].astype(int)
    assert (left[..., 1] - left[..., 0] > 60).any()  # the green side of the first digit's box
    assert (run / "crops-1.png").exists()


def test_a_folder_without_pictures_is_one_sentence(workplace, capsys):
    (workplace / "my digits").mkdir()
    assert predict() == 1
    assert "The folder my digits contains no pictures" in capsys.readouterr().err
    assert not (RUN / "predictions.csv").exists()


def test_the_pretrained_weights_cannot_be_resumed(workplace, capsys):
    assert main(["fit", "--ckpt_path=pretrained"]) == 2
    assert "pretrained cannot be resumed" in capsys.readouterr().err
