"""export_time: the processes that are timed read the same digit; the table has both and their ratio."""

import shutil

import pytest
from PIL import Image

from digitrec.models.pretrained import PRETRAINED
from scripts.benchmarks import export_time
from scripts.benchmarks.export_time import LIGHTNING_START, ONNX_START, export_times, start
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.scripts


def test_both_processes_read_the_picture(exported, tmp_path):
    Image.fromarray(stroke_digits()[3]).save(tmp_path / "3.png")
    assert start(ONNX_START, exported, tmp_path / "3.png")() == "3"
    assert start(LIGHTNING_START, PRETRAINED, tmp_path / "3.png")() == "3"


def test_the_table_has_both_times_and_their_ratio(exported, monkeypatch):
    def median_times(tasks, rounds):
        assert rounds == 4
        for name, work in tasks.items():
            if "start" not in name:
                work()
        return {name: 0.25 if name.endswith("onnx") else 1.0 for name in tasks}

    monkeypatch.setattr(
        export_time, "export_classifier", lambda checkpoint, path: shutil.copy(exported, path)
    )
    monkeypatch.setattr(export_time, "median_times", median_times)
    monkeypatch.setattr(export_time, "start", lambda *args: lambda: "7")
    head, _, *table = export_times(4, "a machine").splitlines()
    assert head.startswith("File size ")
    assert "Median of 4 interleaved rounds; a machine, onnxruntime " in head
    assert table[2:] == [
        "| a process (`python -c`) that reads one 28x28 picture | 0.25 s | 1.00 s | 4.0 |",
        "| one image | 250 \u00b5s | 1000 \u00b5s | 4.0 |",
        "| 1,000 images at once | 250.0 ms | 1000.0 ms | 4.0 |",
    ]
