import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from scripts.benchmarks import peers as benchmark
from scripts.benchmarks.peers import COLUMNS, PeerError, add_peers, peer_table
from scripts.benchmarks.picture_accuracy import Result
from scripts.lib.baselines import Prediction
from scripts.lib.peers import PEERS
from scripts.lib.picture_sets.sets import Picture, PictureSet

pytestmark = pytest.mark.scripts

SINGLE = PictureSet("owner/name", ("*.png",), "first", "pen")
ROW = PictureSet("owner/rows", ("*.png",), {"1.png": "12 34"}, "pen", "row")


@pytest.fixture
def measured(tmp_path, monkeypatch):
    digits = (torch.zeros(2, 28, 28, dtype=torch.uint8), torch.tensor([0, 1]))
    monkeypatch.setattr(benchmark, "load_mnist", lambda *_, **__: digits)
    single = Picture("owner/name", "7.png", "7", tmp_path / "7.png")
    row = Picture("owner/rows", "1.png", "12 34", Image.new("L", (9, 7)))
    return [
        (SINGLE, [Result(single, {"digitrec": Prediction("7", (0.9,))})]),
        (ROW, [Result(row, {"digitrec": Prediction("12 3?", (0.9,) * 4)})]),
    ]


def interpreter(folder, code):
    """Write a program in place of the peers' interpreter."""
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    path.chmod(0o755)
    return path


def test_the_peers_read_the_same_pictures(tmp_path, measured):
    answer = {"versions": ["a 1"], **{name: [str(number), "12 34"] for number, name in enumerate(PEERS, 6)}}
    job = tmp_path / "job"
    copy = f"open({str(job)!r}, 'w').write(open(sys.argv[-1]).read())"
    python = interpreter(tmp_path, f"{copy}; print({json.dumps(answer)!r})")
    together, versions = add_peers(measured, python)
    pictures = json.loads(job.read_text())["pictures"]
    assert [single for _, single in pictures] == [True, False]
    assert pictures[0][0] == str(tmp_path / "7.png")
    assert Path(pictures[1][0]).suffix == ".png"  # an image in memory is written as a file
    assert versions == ["a 1"]
    rows = [line.split(" | ") for line in peer_table(together).splitlines()]
    assert rows[0] == ["| method", "1 single digits", "1 pages, exact", "2 lines, exact |"]
    assert rows[2] == ["| digitrec", "100.0%", "0", "1 |"]
    assert rows[3] == [f"| {COLUMNS['rapidocr']}", "0.0%", "1", "2 |"]
    assert rows[4] == [f"| {COLUMNS['ddddocr']}", "100.0%", "1", "2 |"]


def test_a_missing_package_is_named_in_one_sentence(measured, capfd):
    with pytest.raises(PeerError, match="for the reason above"):
        add_peers(measured, Path(sys.executable))  # the project does not depend on peers
    assert capfd.readouterr().err == "The peers' environment lacks the package pytesseract.\n"


def test_a_missing_interpreter_is_an_error(tmp_path, measured):
    with pytest.raises(PeerError, match="cannot be run: give the peers' interpreter with --python"):
        add_peers(measured, tmp_path / "none")
