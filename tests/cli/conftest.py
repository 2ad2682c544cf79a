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
    """Run a command line with a mistake: check that it wrote no file; return its error message."""

    def run(*args, status=(1, 2)):
        before = sorted(workplace.rglob("*"))
        ended, _, error = digitrec(*args)
        assert ended in status
        messages = [line for line in error.splitlines() if line.startswith("digitrec: ")]
        assert messages == [error.splitlines()[-1]]
        assert "Traceback" not in error
        assert sorted(workplace.rglob("*")) == before
        return messages[0].removeprefix("digitrec: ")

    return run


@pytest.fixture(scope="session")
def cached_run(tmp_path_factory):
    """The folder in which `path` keeps the run that it trains once a session."""
    return tmp_path_factory.mktemp("cached") / "run"


@pytest.fixture
def path(fit, workplace, cached_run):
    """The best checkpoint of a run of configs/mlp.yaml, which is trained once a session."""
    run = workplace / "lightning_logs" / "version_0"
    if cached_run.exists():
        shutil.copytree(cached_run, run)
    else:
        fit()
        shutil.copytree(run, cached_run)
    return (run / "checkpoints" / "best.ckpt").relative_to(workplace)


def folder(cli):
    return Path(cli.trainer.log_dir)


def checkpoint(cli, name="best"):
    return folder(cli) / "checkpoints" / f"{name}.ckpt"


def checkpoint_path(cli):
    return Path(cli.config[cli.subcommand].ckpt_path)


def age(cli, seconds):
    """Make the checkpoints of a run older."""
    for path in (folder(cli) / "checkpoints").iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def evaluate(*args):
    return checkpoint_path(DigitCLI([*args, "--trainer.logger=false"]))


def change(path, changes):
    content = torch.load(path, weights_only=True)
    changes(content)
    torch.save(content, path)
