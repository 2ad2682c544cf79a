"""A short fuzz run without failures, and how failures are reported."""

import random
import signal
import subprocess
import sys

import pytest

from digitrec.errors import PictureError
from digitrec.reading.detection.page_detector import PageDetector
from digitrec.reading.pictures import loading
from scripts import fuzz
from scripts.lib.fuzzing import worker
from scripts.lib.fuzzing.mutations import mutated
from scripts.lib.fuzzing.samples import samples
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


def test_two_hundred_damaged_files_are_read_or_refused():
    command = [sys.executable, "-m", "scripts.fuzz", "--count", "200", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    assert run.stdout.startswith("200 files")


def test_intact_files_of_every_format_are_read(tmp_path):
    path, detector = tmp_path / "a.png", PageDetector()
    for content in samples(random.Random(1)):
        path.write_bytes(content)
        is_icon = content.startswith(b"\0\0\1\0")
        assert worker.read(path, detector) == ("refused" if is_icon else "read")


def test_a_seed_makes_the_same_files_again():
    first, second = (random.Random(5) for _ in range(2))
    files = samples(first)
    assert files == samples(second)
    damaged = [mutated(first, files) for _ in range(50)]
    assert damaged == [mutated(second, files) for _ in range(50)]
    assert len(set(damaged) - set(files)) > 30


def test_a_traceback_and_a_message_that_is_no_sentence_are_failures(tmp_path, monkeypatch):
    def fail(error):
        def load(path):
            raise error

        monkeypatch.setattr(loading, "load", load)
        return worker.read(tmp_path / "a.png", PageDetector())

    assert "Traceback" in fail(KeyError("x"))
    assert fail(PictureError("two\nlines of a.png.")).startswith("not a sentence")
    assert fail(PictureError("It is bad.")).startswith("not a sentence")
    assert fail(PictureError("a.png is bad.")) == "refused"


@pytest.mark.parametrize(
    ("outcome", "megabytes", "status"),
    [
        *(("read", 20, 0), ("refused", 20, 0), ("read", 301, 1)),
        *(("hang: more than 20 s", 0, 1), ("crash: exit status -11", 0, 1), ("Traceback\n  File", 20, 1)),
    ],
)
def test_a_failure_is_counted_and_kept_and_sets_the_exit_status(
    tmp_path, monkeypatch, capsys, outcome, megabytes, status
):
    class Worker:
        def ask(self, path):
            return outcome, megabytes

        def stop(self):
            pass

    monkeypatch.setattr(fuzz, "Worker", Worker)
    assert fuzz.fuzz(2, 1, tmp_path / "kept") == status
    assert len(list(tmp_path.glob("kept/*"))) == (2 if status else 0)
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 files")


def test_a_hang_and_a_crash_end_the_worker_and_not_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS", 0.2)
    process = worker.Worker()
    process.process.send_signal(signal.SIGSTOP)
    assert process.ask(tmp_path)[0] == "hang: more than 0 s"
    process.process.kill()
    assert process.ask(tmp_path)[0] == "crash: exit status -9"
    process.stop()
