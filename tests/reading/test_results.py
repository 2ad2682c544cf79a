"""Reading and Digit: equality, repr, JSON and annotated copies."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from digitrec.reading.results import Digit, Reading


def digit(value="3", **changes):
    probabilities = (0.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0)
    made = Digit(value, 0.9, probabilities, (10, 20, 30, 40), 0, 0, np.ones((28, 28), np.uint8))
    return dataclasses.replace(made, **changes)


def test_readings_are_compared_and_hashed():
    assert Reading((digit(),)) == Reading((digit(),))
    assert Reading((digit(),)) != Reading((digit(box=(10, 20, 30, 41)),))
    assert len({Reading((digit(),)), Reading((digit(),)), Reading(())}) == 2


def test_repr_is_short():
    assert repr(digit()) == "Digit(digit='3', confidence=0.9, box=(10, 20, 30, 40), line=0, position=0)"


def test_to_dict_is_json():
    made = Reading((digit(), digit("?", line=1))).to_dict()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["text"] == "3\n?"
    assert made["confidence"] == 0.9
    assert made["digits"][0] == {
        "digit": "3",
        "confidence": 0.9,
        "probabilities": list(digit().probabilities),
        "box": [10, 20, 30, 40],
        "line": 0,
        "position": 0,
    }
    assert (
        Reading((digit(),))
        .to_dict(with_images=True)["digits"][0]["image"]
        .startswith("data:image/png;base64,")
    )
    assert Reading(()).to_dict() == {"text": "", "confidence": 0.0, "digits": []}


@pytest.mark.parametrize("digits", [(digit(),), ()], ids=["one", "none"])
def test_save_draws_boxes_into_the_picture(digits, tmp_path):
    picture = np.full((400, 400), 255, np.uint8)
    Reading(digits).save(tmp_path / "out", picture)
    with Image.open(tmp_path / "out") as image:
        colors = {color for _, color in image.getcolors(1 << 16)}
        assert image.size == (400, 400)
    assert len(colors) > 1 if digits else colors == {(255, 255, 255)}


def test_save_keeps_the_old_file_if_the_picture_is_damaged(tmp_path):
    (tmp_path / "out.png").write_bytes(b"before")
    with pytest.raises(ValueError, match="not a picture"):
        Reading((digit(),)).save(tmp_path / "out.png", b"damaged")
    assert (tmp_path / "out.png").read_bytes() == b"before"
