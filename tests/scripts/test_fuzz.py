"""A short fuzz run without failures, and how failures are reported."""

import random
import re
import signal
import subprocess
import sys

import pytest

from digitrec.errors import PictureError
from digitrec.models.pretrained import PRETRAINED_ONNX
from digitrec.reading.onnx_networks import onnx_reader
from digitrec.reading.pictures import loading
from scripts import fuzz
from scripts.lib.fuzzing import worker
from scripts.lib.fuzzing.mutations import mutated
from scripts.lib.fuzzing.samples import samples
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


@pytest.mark.parametrize("onnx", [[], ["--onnx"]])
def test_damaged_files_of_each_format_are_read_or_refused(tmp_path, onnx):
    command = [sys.executable, "-m", "scripts.fuzz", "--count", "12", "--seed", "1", "--keep", str(tmp_path)]
    run = subprocess.run([*command, *onnx], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout
    assert re.match(r"1(80|92) files of 1(5|6) formats, seed 1", run.stdout)  # HEIC is optional


def test_intact_files_of_every_format_are_read(tmp_path):
    path, reader = tmp_path / "a.png", onnx_reader(PRETRAINED_ONNX)
    for kind, files in samples(random.Random(1)).items():
        for content in files:
            path.write_bytes(content)
            assert worker.read(path, reader) == ("refused" if kind == "ICO" else "read"), kind


def test_a_seed_makes_the_same_files_again():
    first, second = (random.Random(5) for _ in range(2))
    files = samples(first)["PNG"]
    assert files == samples(second)["PNG"]
    damaged = [mutated(first, files, files) for _ in range(50)]
    assert damaged == [mutated(second, files, files) for _ in range(50)]
    assert len(set(damaged) - set(files)) > 30


def test_a_traceback_and_a_message_that_is_no_sentence_are_failures(tmp_path, monkeypatch):
    def fail(error):
        def load(path):
            raise error

        monkeypatch.setattr(loading, "load", load)
        return worker.read(tmp_path / "a.png", onnx_reader(PRETRAINED_ONNX))

    assert "Traceback" in fail(KeyError("x"))
    assert fail(PictureError("two\nlines of a.png.")).startswith("not a sentence")
    assert fail(PictureError("It is bad.")).startswith("not a sentence")
    assert fail(PictureError("a.png is bad.")) == "refused"


@pytest.mark.parametrize(
    ("outcome", "megabytes", "seconds", "failed"),
    [
        ("read", 20, 1, False),
        ("refused", 20, 1, False),
        ("read", 301, 1, True),
        ("read", 20, 11, True),
        ("hang: more than 20 s", 0, 20, True),
        ("crash: exit status -11", 0, 0, True),
        ("Traceback\n  File", 20, 1, True),
    ],
)
def test_a_failure_is_counted_and_kept(tmp_path, monkeypatch, capsys, outcome, megabytes, seconds, failed):
    class Worker:
        def __init__(self, onnx):
            assert not onnx

        def ask(self, path):
            return outcome, megabytes, seconds

        def stop(self):
            pass

    monkeypatch.setattr(fuzz, "Worker", Worker)
    files = [b"abc"]
    made = fuzz.fuzz(files, files, 2, random.Random(1), tmp_path / "kept")
    assert (made.failed, made.kinds.total(), made.megabytes) == (2 * failed, 2, megabytes)
    assert len(list(tmp_path.glob("kept/*"))) == made.failed
    assert ("kept/0.png: " in capsys.readouterr().out) == failed


def test_a_hang_and_a_crash_end_the_worker_and_not_the_run(tmp_path, monkeypatch):
    process = worker.Worker()
    process.process.send_signal(signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "SECONDS", 0.2)
        assert process.ask(tmp_path)[0] == "hang: more than 0 s"
    process.process.kill()
    assert process.ask(tmp_path)[0] == "crash: exit status -9"
    process.stop()
