"""How each command ends: 0, 1 after a failure, 2 for a wrong command line, 130 and 143 at a signal."""

import os
import signal
import subprocess
import sys

import pytest

from digitrec.__main__ import COMMANDS, main
from digitrec.export.__main__ import main as export
from digitrec.export.onnx_file import replacing
from digitrec.read import main as read

STATUSES = [
    (["configs", "new"], 0),
    (["configs", "data"], 1),  # it exists
    (["read", "no.png"], 1),
    (["read", "no.png", "--threshold=2"], 2),
    (["export", "--ckpt_path=no.ckpt"], 1),
    (["export", "--what=page"], 2),
    (["web", "--port=http"], 2),
    (["web", "--port=0", "--ckpt_path=no.ckpt"], 1),
    (["validate"], 1),  # there is no run
    (["test", "--ckpt_path=no.ckpt"], 1),
    (["predict", "--ckpt_path=pretrained", "--data.pictures=no.png"], 1),
    (["predict", "--ckpt_path=pretrained", "--threads=0"], 2),
    (["detector", "validate"], 1),
    (["detector", "fit"], 2),  # no config
]


@pytest.mark.parametrize(("args", "status"), STATUSES, ids=str)
def test_failure_is_1_and_a_wrong_command_line_is_2(args, status, workplace, capsys):
    assert main(args) == status
    errors = capsys.readouterr().err.splitlines()
    assert [line.startswith("digitrec: ") for line in errors] == [True] * (status > 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_an_unknown_option_or_an_abbreviation(command, workplace, capsys):
    words = ["detector", "fit"] if command == "detector" else [command]
    for option in ("--hel", "--nonsense"):
        assert main([*words, option]) == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        needed = command == "read" and "arguments are required"
        assert sentence.startswith(f"digitrec: {option}: there is no such option.") or needed in sentence


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("run", [lambda args: main(["export", *args]), export], ids=["digitrec", "module"])
def test_export_ends_at_a_signal_and_leaves_no_file(run, number, status, tmp_path, monkeypatch, capsys):
    def interrupted(checkpoint, output, data_dir):
        with replacing(output) as file:
            file.write(b"half")
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("digitrec.export.__main__.export_classifier", interrupted)
    assert run(["--output", str(tmp_path / "a.onnx")]) == status
    assert capsys.readouterr().err == f"digitrec: Stopped by {signal.Signals(number).name} before the end.\n"
    assert signal.getsignal(signal.SIGTERM) is before
    assert not list(tmp_path.iterdir())


def test_output_that_nobody_reads_any_more_ends_a_command(monkeypatch):
    code = "import sys; from digitrec.__main__ import main; sys.exit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-uc", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 1


def test_other_errors_are_not_hidden(monkeypatch):
    def broken(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("digitrec.read.find", broken)
    with pytest.raises(ZeroDivisionError):
        read(["a.png"])
