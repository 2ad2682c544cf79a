"""``digitrec read`` and the other commands without Lightning."""

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_start_method
from pathlib import Path

import pytest

from digitrec import __version__, read
from digitrec.__main__ import COMMANDS, main
from digitrec.models.pretrained import PRETRAINED
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

NUMBERS = {"1.png": "270", "2.png": "31", "10.png": "94"}


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """A folder of three pictures and a file that is none."""
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    for name, number in NUMBERS.items():
        digits = stroke_digits()[[int(digit) for digit in number]]
        render(digits, Options(height=60), 0).picture.save(f"scans/{name}")
    Path("scans/text.png").write_text("no picture")
    return Path("scans")


def said(capsys):
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_pictures_are_read_in_order_whether_others_fail_or_not(scans, capsys):
    assert main(["read", "scans", "scans/*.png"]) == 1
    out, err = said(capsys)
    assert [line.partition("  (")[0] for line in out] == [
        f"scans/{name}: {NUMBERS[name]}" for name in NUMBERS
    ]
    assert err[0].startswith("digitrec: scans/text.png is not a picture")
    assert err[1:] == ["digitrec: 1 of 4 pictures could not be read."]
    assert {path.name for path in Path().iterdir()} == {"scans"}
    assert main(["read", *(f"scans/{name}" for name in NUMBERS)]) == 0


def test_files_are_written_and_named(scans, capsys):
    options = ["--csv", "new/rows.csv", "--json=readings.json", "--annotate", "boxes"]
    assert main(["read", "scans/2.png", "scans/text.png", *options]) == 1
    assert said(capsys)[0][-1] == "Written: new/rows.csv, readings.json, boxes"
    with Path("new/rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["picture"], row["digit"]) for row in rows] == [("scans/2.png", "3"), ("scans/2.png", "1")]
    good, bad = json.loads(Path("readings.json").read_text())
    assert (good["picture"], good["text"], len(good["digits"])) == ("scans/2.png", "31", 2)
    assert bad["error"].startswith("scans/text.png is not a picture")
    assert [path.name for path in Path("boxes").iterdir()] == ["2.png.png"]


def test_threshold_and_weights_are_those_that_are_given(scans, capsys, monkeypatch):
    assert main(["read", "scans/2.png", "--threshold=1"]) == 0
    assert said(capsys)[0][0].startswith("scans/2.png: ??  (")
    weights = []
    monkeypatch.setattr(read, "open_reader", lambda path: weights.append(path) or sys.exit(3))
    with pytest.raises(SystemExit):
        main(["read", "scans/2.png", "--weights=own.ckpt"])
    assert weights == [Path("own.ckpt")]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.png"], "digitrec: There is no file none.png: check the name."),
        (["scans", "--weights=last"], "digitrec: There is no trained run in lightning_logs: give a file"),
        (["scans", "--weights=no.ckpt"], "digitrec: There is no checkpoint no.ckpt"),
        (["scans", "--threshold=2"], "argument --threshold: 2 is not a number from 0 to 1"),
        (["scans", "--treshold=1"], "--treshold=1: there is no such option. Did you mean --threshold?"),
        (["scans", "--thres=1"], "--thres=1: there is no such option. Did you mean --threshold?"),
        (["--csv", "scans/1.png", "scans/2.png"], "argument --csv: scans/1.png does not end in .csv"),
        ([], "digitrec: the following arguments are required: PICTURE. See digitrec read --help."),
    ],
)
def test_mistake_is_one_sentence_and_nothing_is_written(args, message, scans, capsys):
    before = sorted(Path().rglob("*"))
    assert main(["read", *args]) in (1, 2)
    (sentence,) = said(capsys)[1]
    assert message in sentence
    assert sorted(Path().rglob("*")) == before


def test_failure_leaves_no_half_written_file(scans, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device", "boxes")

    monkeypatch.setattr(read.PictureOutput, "write", fail)
    assert main(["read", "scans", "--csv=rows.csv", "--json=readings.json"]) == 1
    assert {path.name for path in Path().iterdir()} == {"scans"}


@pytest.mark.skipif(get_start_method() != "fork", reason="the other process does not inherit the replacement")
def test_killed_process_is_one_sentence(scans, capsys, monkeypatch):
    monkeypatch.setattr(read, "load", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    assert main(["read", "scans/1.png", "scans/2.png", "--csv=rows.csv"]) == 1
    assert said(capsys)[1] == ["digitrec: A process that reads pictures was killed: is there enough memory?"]
    assert not Path("rows.csv").exists()


def _pool(sender):
    with ProcessPoolExecutor(1, initializer=read._start, initargs=(PRETRAINED, None)) as pool:
        sender.send(pool.submit(os.getpid).result())
        time.sleep(60)


def test_processes_end_with_a_command_that_is_killed():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    command = multiprocessing.Process(target=_pool, args=(sender,))
    command.start()
    worker = Path(f"/proc/{receiver.recv()}/stat")
    command.kill()
    command.join()
    ends = time.monotonic() + 20
    while worker.exists() and " Z " not in worker.read_text():
        assert time.monotonic() < ends, "a process outlives the command that started it"
        time.sleep(0.05)


def test_help_lists_the_commands_in_about_twenty_lines(capsys):
    assert main(["--help"]) == 0
    out, _ = said(capsys)
    assert out[0].startswith("usage: digitrec ")
    assert len(out) <= 20
    assert max(map(len, out)) <= 90
    assert [line.split()[0] for line in out if line.startswith("  ")] == list(COMMANDS)
    assert main([]) == 2
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.endswith(f"digitrec {__version__}\n")


def test_unknown_command_is_compared_with_the_others(capsys):
    assert main(["tset"]) == 2
    assert said(capsys)[1] == ["digitrec: There is no command tset. Did you mean test?"]
    assert main(["xyz"]) == 2
    assert said(capsys)[1] == ["digitrec: There is no command xyz. See digitrec --help."]
    assert main(["--config=a.yaml", "fit"]) == 2
    first = "digitrec: --config=a.yaml: the name of a command comes first. See digitrec --help."
    assert said(capsys)[1] == [first]


def test_configs_are_copied_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["configs"]) == 0
    assert {"fast.yaml", "mlp.yaml", "trainer"} <= {path.name for path in Path("configs").iterdir()}
    Path("configs/fast.yaml").write_text("changed")
    assert main(["configs"]) == 1
    assert said(capsys)[1] == ["digitrec: configs exists: name another folder."]
    assert Path("configs/fast.yaml").read_text() == "changed"


def test_commands_for_people_import_neither_lightning_nor_torch(scans):
    code = (
        "import sys; from digitrec.__main__ import main\n"
        "several = ['read', 'scans/2.png', 'scans/10.png']\n"
        "for args in (['--help'], ['tset'], ['--version'], ['configs'], ['read', 'scans/2.png'], several):\n"
        "    main(args)\n"
        "    assert not {'lightning', 'torch', 'torchvision', 'matplotlib'} & sys.modules.keys(), args\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "scans/2.png: 31  (" in run.stdout


def test_other_weights_read_with_torch(scans, capsys):
    Path("own.ckpt").write_bytes(PRETRAINED.read_bytes())
    assert main(["read", "scans/2.png", "scans/text.png", "--weights=own.ckpt"]) == 1
    own = said(capsys)[0]
    assert main(["read", "scans/2.png"]) == 0
    assert own == said(capsys)[0]
