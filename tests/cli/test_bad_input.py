"""Bad pictures on the command line and in Python: each is reported with its name, the others are read."""

import csv
import io
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitrec import Reader
from digitrec.cli import main
from digitrec.errors import PictureError
from digitrec.models.pretrained import PRETRAINED
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.reading.pictures.pictures_for_tests import png_header

RUN = Path("lightning_logs/predict/version_0")


def encoded(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


GOOD = encoded(render(stroke_digits()[[7]], Options(height=60), 0).picture)
JPEG = encoded(Image.open(io.BytesIO(GOOD)), "JPEG")

REFUSED = {
    "empty file": (b"", "is empty"),
    "text": (b"seven\n", "is not a picture"),
    "truncated JPEG": (JPEG[: len(JPEG) // 2], "is cut short"),
    "20,000 x 20,000": (encoded(Image.new("1", (20_000, 20_000))), "has more than 50 megapixels"),
    "decompression bomb": (png_header(60_000, 60_000), "has more than 50 megapixels"),
    "no permission": (GOOD, "may not be read: change its permissions"),
}
EMPTY = {
    "1 x 1": encoded(Image.new("L", (1, 1))),
    "all white": encoded(Image.new("L", (300, 200), 255)),
    "all black": encoded(Image.new("L", (300, 200), 0)),
}
NAMES = ["two words.png", "zwölf 七.png", "-1.png", "--x.png", "new\nline.png"]


@pytest.fixture
def write(workplace, monkeypatch):
    """Write a bad picture into the current folder; "no permission" holds for root as well."""
    real = Path.open

    def refuse(path, mode="r", *args, **kwargs):
        if path.name == "no permission.png" and "r" in mode:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, mode, *args, **kwargs)

    def write(case):
        Path(f"{case}.png").write_bytes(REFUSED[case][0] if case in REFUSED else EMPTY[case])
        return f"{case}.png"

    monkeypatch.setattr(Path, "open", refuse)
    return write


@pytest.fixture(scope="module")
def reader():
    return Reader.pretrained()


def predict(capfd, *patterns, args=()):
    """Return the exit status and the lines about pictures on both streams; Lightning's are removed."""
    pictures = patterns[0] if len(patterns) == 1 else json.dumps(patterns)
    status = main(["predict", "--ckpt_path=pretrained", f"--data.pictures={pictures}", *args])
    captured = capfd.readouterr()
    out = [line for line in captured.out.splitlines() if not line.startswith("Predicting ") and line.strip()]
    err = [line for line in captured.err.splitlines() if not line.startswith(LIGHTNING)]
    assert out.pop(0) == f"Checkpoint: {PRETRAINED}"
    assert not list(Path().rglob("*.tmp"))
    return status, out, err


LIGHTNING = ("Seed set", "GPU available", "TPU available", "Restoring states", "Loaded model weights")


@pytest.mark.parametrize("case", REFUSED)
def test_single_bad_picture_prints_one_line_and_exits_1(case, write, capfd):
    status, out, err = predict(capfd, write(case), args=("--predictions.annotate=true",))
    assert status == 1
    assert out == [f"Predictions: {RUN}/predictions.csv"]
    assert re.fullmatch(rf"digitrec: {re.escape(case)}\.png {REFUSED[case][1]}.*\.", err[0])
    assert err[1:] == ["digitrec: 1 of the pictures could not be read."]
    assert len((RUN / "predictions.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("case", EMPTY)
def test_empty_picture_has_no_digits(case, write, capfd):
    status, out, err = predict(capfd, write(case))
    assert (status, err) == (0, [])
    assert out == [f"{case}.png: no digit found", f"Predictions: {RUN}/predictions.csv"]


def test_other_pictures_are_read_despite_bad_ones(write, capfd):
    names = [write(case) for case in (*REFUSED, *EMPTY)]
    for name in NAMES:
        Path(name).write_bytes(GOOD)
    Path("empty folder").mkdir()
    status, out, err = predict(capfd, "empty folder", *names, *NAMES, "missing.png", "*.gif")
    assert status == 1
    read = [line.removesuffix(": 7  (100%)") for line in out if line.endswith(": 7  (100%)")]
    assert read == [*NAMES[:-1], r"'new\nline.png'"]
    assert out[: len(EMPTY)] == [f"{case}.png: no digit found" for case in EMPTY]
    assert err[0] == "digitrec: The folder empty folder contains no pictures: choose another."
    for case, line in zip(REFUSED, err[1:], strict=False):
        assert line.startswith(f"digitrec: {case}.png {REFUSED[case][1]}")
    assert err[len(REFUSED) + 1 :] == [
        "digitrec: There is no file missing.png: check the name.",
        "digitrec: No picture matches *.gif: check the pattern.",
        f"digitrec: {len(REFUSED) + 3} of the pictures could not be read.",
    ]
    with (RUN / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["picture"], row["digit"]) for row in rows] == [(name, "7") for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_read(name, workplace, capfd):
    Path(name).write_bytes(GOOD)
    status, out, err = predict(capfd, name, args=("--predictions.annotate=true",))
    assert (status, err) == (0, [])
    assert out[0].endswith(": 7  (100%)")
    assert (RUN / "annotated" / f"{name}.png").exists()


def test_empty_folder_prints_one_sentence_and_makes_no_run(workplace, capfd):
    Path("nothing").mkdir()
    status, out, err = predict(capfd, "nothing")
    assert (status, out) == (1, [])
    assert err == ["digitrec: The folder nothing contains no pictures: choose another."]
    assert not list(Path().glob("lightning_logs/predict/*/predictions.csv*"))


def test_unreadable_folder_is_named_and_others_are_read(workplace, capfd, monkeypatch):
    real = os.scandir

    def refuse(path="."):
        if os.fspath(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    for name in ("shut", "open"):
        Path("scans", name).mkdir(parents=True)
        Path("scans", name, "a.png").write_bytes(GOOD)
    monkeypatch.setattr(os, "scandir", refuse)
    status, out, err = predict(capfd, "scans")
    assert (status, out[0]) == (1, "scans/open/a.png: 7  (100%)")
    assert err[0] == "digitrec: scans/shut may not be read: change its permissions."


@pytest.mark.parametrize("case", REFUSED)
def test_reader_raises_picture_error_with_the_name(case, write, reader):
    with pytest.raises(PictureError, match=rf"^{re.escape(case)}\.png {REFUSED[case][1]}"):
        reader.read(write(case))


@pytest.mark.parametrize("case", EMPTY)
def test_reader_finds_no_digits_in_empty_picture(case, write, reader):
    reading = reader.read(write(case))
    assert (reading.text, reading.digits, reading.confidence) == ("", (), 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_reader_reads_any_file_name(name, workplace, reader):
    Path(name).write_bytes(GOOD)
    assert reader.read(name).text == reader.read(Path(name)).text == "7"


def test_reader_refuses_folder_and_empty_name(workplace, reader):
    Path("nothing").mkdir()
    for source, message in (("nothing", "The folder nothing contains no pictures"), ("", "'' is a folder")):
        Path("a.png").write_bytes(GOOD)
        with pytest.raises(PictureError, match=f"^{message}"):
            reader.read(source)


def test_empty_name_is_not_the_current_folder(workplace, capfd):
    Path("a.png").write_bytes(GOOD)
    status, _, err = predict(capfd, "")
    assert (status, err) == (1, ["digitrec: No picture was named: name at least one."])


def test_name_that_looks_like_an_option_gets_a_hint(workplace, capfd):
    assert main(["predict", "--ckpt_path=pretrained", "--data.pictures", "-1.png"]) == 2
    message = "--data.pictures has no value: one that begins with a dash is joined by ="
    assert capfd.readouterr().err.startswith(f"digitrec: {message}")


def test_longest_file_name_has_an_annotated_copy(workplace, capfd):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "九" * 83 + ".png").write_bytes(GOOD)
    assert predict(capfd, "a", "b", args=("--predictions.annotate=true",))[0] == 0
    assert len(list((RUN / "annotated").iterdir())) == 2


def test_name_that_output_cannot_encode_is_escaped(workplace, monkeypatch):
    Path("七.png").write_bytes(GOOD)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("b.png")
    output = io.BytesIO()
    stdout = io.TextIOWrapper(output, encoding="ascii", write_through=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        assert main(["predict", "--ckpt_path=pretrained", "--data.pictures=."]) == 0
    printed = output.getvalue().decode("ascii")
    assert r"\u4e03.png: 7" in printed
    assert "b.png: no digit found" in printed
