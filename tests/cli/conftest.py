"""Fixtures and helpers of the tests of the command line."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from digitrec.cli import DigitCLI, main
from tests.conftest import ROOT

MLP = f"--config={ROOT}/configs/mlp.yaml"
QUICK = [MLP, "--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
SUBCOMMANDS = ["fit", "validate", "test", "predict"]
EVALUATIONS = SUBCOMMANDS[1:]


@pytest.fixture
def digitrec(workplace, capsys):
    """Run a command line as ``python -m digitrec`` does: (exit status, standard output, standard error)."""

    def run(*args):
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def mistake(digitrec, workplace):
    """Run a command line that holds a mistake: the sentence, after a look that nothing else came of it."""

    def run(*args):
        before = sorted(workplace.rglob("*"))
        status, _, error = digitrec(*args)
        assert status == 1
        said = [line for line in error.splitlines() if line.startswith("digitrec: ")]
        assert said == [error.splitlines()[-1]]
        assert "Traceback" not in error
        assert sorted(workplace.rglob("*")) == before
        return said[0].removeprefix("digitrec: ")

    return run


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf") / "run"


@pytest.fixture
def path(fit, workplace, shelf):
    """The best checkpoint of a run of configs/mlp.yaml, which is trained once for all tests."""
    run = workplace / "lightning_logs" / "version_0"
    if shelf.exists():
        shutil.copytree(shelf, run)
    else:
        fit()
        shutil.copytree(run, shelf)
    return (run / "checkpoints" / "best.ckpt").relative_to(workplace)


def folder(cli):
    return Path(cli.trainer.log_dir)


def checkpoint(cli, name="best"):
    return folder(cli) / "checkpoints" / f"{name}.ckpt"


def taken(cli):
    return Path(cli.config[cli.subcommand].ckpt_path)


def age(cli, seconds):
    """Make the checkpoints of a run older."""
    for path in (folder(cli) / "checkpoints").iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def evaluate(*args):
    return taken(DigitCLI([*args, "--trainer.logger=false"]))


def change(path, changes):
    content = torch.load(path, weights_only=True)
    changes(content)
    torch.save(content, path)
