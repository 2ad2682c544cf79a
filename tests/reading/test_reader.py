"""Reader: text, thresholds, splits, hypotheses and sources; mostly with a network made for the test."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from digitrec.errors import PictureError
from digitrec.models.recognizer import Recognizer
from digitrec.reading.detection.hypotheses import Found
from digitrec.reading.pictures import page as page_module
from digitrec.reading.pictures.page import Page
from digitrec.reading.reader import Reader, assemble
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

DIGITS = stroke_digits()


class Nearest(nn.Module):
    """A network that finds the synthetic digit with the largest overlap."""

    def __init__(self):
        super().__init__()
        shifts = [np.roll(DIGITS, (y, x), (1, 2)) for y in range(-2, 3) for x in range(-2, 3)]
        known = torch.from_numpy(np.stack(shifts)).float().flatten(2)
        self.known = known / known.norm(dim=2, keepdim=True)

    def forward(self, images):
        strokes = (images + 0.4242).flatten(1)
        scores = torch.einsum("sdp,np->snd", self.known, strokes / strokes.norm(dim=1, keepdim=True)).amax(0)
        return (40 * scores).log_softmax(1)


@pytest.fixture(scope="module")
def reader():
    return Reader(Recognizer(Nearest()))


def picture(*lines):
    digits = DIGITS[[int(digit) for digit in "".join(lines)]]
    return render(digits, Options(height=80, pen=0.12, lines=len(lines)), 0).picture


def test_a_picture_is_read_line_by_line(reader):
    read = reader.read(picture("270", "354"))
    assert read.text == "270\n354"
    assert [digit.line for digit in read.digits] == [0, 0, 0, 1, 1, 1]
    assert [digit.position for digit in read.digits] == [0, 1, 2, 0, 1, 2]
    assert read.confidence == min(digit.confidence for digit in read.digits)
    for digit in read.digits:
        assert sum(digit.probabilities) == pytest.approx(1, abs=1e-5)
        assert 0.5 * max(digit.probabilities) < digit.confidence <= max(digit.probabilities)
        assert digit.image.shape == (28, 28)


def test_a_digit_below_the_threshold_is_a_question_mark(reader):
    accepted = reader.read(picture("27"), threshold=0)
    rejected = reader.read(picture("27"), threshold=1)
    assert (accepted.text, rejected.text) == ("27", "??")
    assert rejected.confidence == accepted.confidence


def test_a_path_bytes_an_array_and_a_pillow_image_read_the_same(reader, tmp_path):
    image = picture("35")
    image.save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    readings = [
        reader.read(source) for source in (path, str(path), path.read_bytes(), np.asarray(image), image)
    ]
    assert {read.text for read in readings} == {"35"}
    assert len({tuple(digit.box for digit in read.digits) for read in readings}) == 1


def test_an_empty_page_has_no_digits(reader):
    read = reader.read(Image.new("L", (200, 100), 255))
    assert (read.text, read.digits, read.confidence) == ("", (), 0.0)


def test_a_file_that_is_no_picture_is_an_error_with_its_name(reader, tmp_path):
    (tmp_path / "no.png").write_text("text")
    with pytest.raises(PictureError, match=r"no\.png"):
        reader.read(tmp_path / "no.png")


def found(*boxes, digit=1.0):
    return [Found(np.zeros((28, 28), np.uint8), box, digit=digit) for box in boxes]


def probabilities(*rows):
    """Rows of (digit, confidence), the rest spread over the others."""
    table = [[(1 - confidence) / 9] * 10 for _, confidence in rows]
    for row, (digit, confidence) in zip(table, rows, strict=True):
        row[digit] = confidence
    return torch.tensor(table)


PAGE = Page(np.zeros((90, 90), np.uint8), 1, (90, 90))
BOX = (10.0, 20.0, 30.0, 40.0)


@pytest.mark.parametrize(("digit", "confidence", "text"), [(0.9, 0.8, "3"), (0.6, 0.8, "?"), (0.1, 1.0, "?")])
def test_mark_and_doubtful_digit_are_question_marks(digit, confidence, text):
    read = assemble(PAGE, found(BOX, digit=digit), probabilities((3, confidence)), 0, 0.5)
    assert read.text == text
    assert read.confidence == pytest.approx(digit * confidence)


def test_mark_is_a_question_mark_at_any_threshold():
    assert assemble(PAGE, found(BOX, digit=0.1), probabilities((3, 1.0)), 0, 0).text == "?"


def test_digits_come_in_reading_order():
    boxes = (60, 20, 20, 30), (10, 70, 20, 30), (10, 18, 20, 30)
    read = assemble(PAGE, found(*boxes), probabilities((1, 0.9), (2, 0.9), (3, 0.9)), 0, 0.5)
    assert read.text == "31\n2"
    assert [(digit.line, digit.position) for digit in read.digits] == [(0, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize("turns", [0, 2])
def test_page_upside_down_is_read_as_if_it_were_upright(turns):
    page = np.rot90(np.asarray(picture("27035")), -turns)
    read = Reader.pretrained().read(np.ascontiguousarray(page))
    assert read.text == "27035"
    seven = read.digits[1].image > 100
    assert seven[:14].sum() > seven[14:].sum()  # upright


def test_boxes_are_scaled_to_the_picture():
    page = Page(PAGE.pixels, 2.5, (225, 225))
    (digit,) = assemble(page, found((10, 20, 30, 0)), probabilities((3, 0.9)), 0, 0.5).digits
    assert digit.box == (25, 50, 75, 1)


def test_a_large_picture_gives_boxes_in_its_own_pixels(reader, monkeypatch):
    monkeypatch.setattr(page_module, "MAX_PIXELS", 400_000)
    image = picture("25")
    large = image.resize((image.width * 6, image.height * 6))
    assert large.width * large.height > 400_000
    small, big = reader.read(image), reader.read(large)
    assert big.text == small.text
    found = np.array([digit.box for digit in big.digits]) / 6
    assert np.abs(found - [digit.box for digit in small.digits]).max() < 4


def test_the_pretrained_weights_read_synthetic_digits():
    assert Reader.pretrained().read(picture("0123456789")).text == "0123456789"


def test_reader_refuses_anything_but_a_recognizer():
    with pytest.raises(TypeError, match=r"use Reader\.from_checkpoint"):
        Reader("best.ckpt")


def test_threshold_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="threshold must be 0 to 1, not 7"):
        Reader.pretrained().read(np.full((50, 50), 255, np.uint8), threshold=7)
