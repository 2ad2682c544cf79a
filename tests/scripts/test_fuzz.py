"""The fuzz run: that nothing goes wrong in a short one, and that it would say so."""

import random
import signal
import subprocess
import sys

import pytest

from digitrec.reading import loading as pictures
from scripts import fuzz
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


def test_two_hundred_damaged_files_are_read_or_refused():
    command = [sys.executable, "-m", "scripts.fuzz", "--count", "200", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    assert run.stdout.startswith("200 files")


def test_sound_files_of_every_format_are_read(tmp_path):
    path = tmp_path / "a.png"
    for content in fuzz.samples(random.Random(1)):
        path.write_bytes(content)
        assert fuzz.read(path) == ("refused" if content.startswith(b"\0\0\1\0") else "read")  # an icon


def test_a_seed_makes_the_same_files_again():
    first, second = (random.Random(5) for _ in range(2))
    files = fuzz.samples(first)
    assert files == fuzz.samples(second)
    damaged = [fuzz.mutated(first, files) for _ in range(50)]
    assert damaged == [fuzz.mutated(second, files) for _ in range(50)]
    assert len(set(damaged) - set(files)) > 30


def test_a_traceback_and_an_answer_that_is_no_sentence_are_noticed(tmp_path, monkeypatch):
    def fail(error):
        def load(path):
            raise error

        monkeypatch.setattr(pictures, "load", load)
        return fuzz.read(tmp_path / "a.png")

    assert "Traceback" in fail(KeyError("x"))
    assert fail(pictures.PictureError("two\nlines of a.png.")).startswith("not a sentence")
    assert fail(pictures.PictureError("It is bad.")).startswith("not a sentence")
    assert fail(pictures.PictureError("a.png is bad.")) == "refused"


@pytest.mark.parametrize(
    ("outcome", "megabytes", "status"),
    [
        *(("read", 20, 0), ("refused", 20, 0), ("read", 301, 1)),
        *(("hang: more than 20 s", 0, 1), ("crash: exit status -11", 0, 1), ("Traceback\n  File", 20, 1)),
    ],
)
def test_whatever_goes_wrong_is_counted_kept_and_the_exit_status(
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
    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    worker = fuzz.Worker()
    worker.process.send_signal(signal.SIGSTOP)
    assert worker.ask(tmp_path)[0] == "hang: more than 0 s"
    worker.process.kill()
    assert worker.ask(tmp_path)[0] == "crash: exit status -9"
    worker.stop()
