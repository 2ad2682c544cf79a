from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitrec.errors import CheckpointError
from scripts.lib.readers import ReadDigit, readers, text_of
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.conftest import ROOT

pytestmark = [pytest.mark.scripts, pytest.mark.long]


def test_the_reader_of_a_clone_gives_what_it_gives_here(tmp_path):
    picture = render(stroke_digits()[2:5], Options(height=60, ink=(0, 0, 0)), 0).picture
    picture.save(tmp_path / "row.png")
    with readers(previous=ROOT) as compared:
        assert list(compared) == ["previous", "digitrec"]
        for source in (picture, tmp_path / "row.png", np.asarray(picture.convert("L"))):
            assert compared["previous"](source) == compared["digitrec"](source) != []
        with pytest.raises(ValueError, match=r"the reader of .* ended"):
            compared["previous"](Image.new("L", (0, 0)))


def test_a_folder_without_a_reader_is_refused(tmp_path: Path):
    (tmp_path / "digitrec").mkdir()
    (tmp_path / "digitrec" / "__init__.py").touch()
    with pytest.raises(CheckpointError, match="is no clone of digitrec"), readers(previous=tmp_path):
        pass


def test_the_text_has_a_confidence_for_each_character():
    digits = [ReadDigit("?", 0.4, (0, 9, 1, 1), 1, 0), ReadDigit("7", 0.9, (5, 0, 1, 1), 0, 1)]
    assert text_of([*digits, ReadDigit("1", 0.8, (0, 0, 1, 1))]) == ("17 ?", (0.8, 0.9, 0.4))
    assert text_of([]) == ("", ())
