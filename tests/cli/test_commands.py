"""What the commands print, and their exit status."""

import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from digitrec.cli import DigitCLI, main
from tests.cli.conftest import (
    MLP,
    QUICK,
    SUBCOMMANDS,
    folder,
)
from tests.conftest import ROOT, TEST


def test_no_command_prints_a_warning_or_tip(digitrec, workplace, caplog):
    caplog.set_level(logging.INFO)
    longer = f"--config={ROOT}/configs/trainer/debug.yaml"
    for command in (
        ["fit", MLP, longer, "--data.val_size=50"],
        *(["validate"], ["test"], ["predict"], ["test", MLP, "--data.val_size=50"]),
        ["fit", MLP, longer, "--data.val_size=50", "--ckpt_path=last", "--trainer.max_epochs=2"],
        ["fit", MLP, longer, "--data.val_size=0"],
    ):
        caplog.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            status, out, error = digitrec(*command)
        assert status == 0
        assert [str(warning.message) for warning in caught] == []
        printed = out + error + caplog.text
        assert not re.search(r"[Ww]arning|deprecated|litlogger|litmodels|num_workers", printed), printed


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help_and_print_config_need_no_checkpoint(subcommand, workplace, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([subcommand, "--help"])
    assert stopped.value.code == 0
    assert "--ckpt_path" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main([subcommand, MLP, "--print_config"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "class_path: digitrec.models.MLP" in printed
    assert "batch_size: 64" in printed


def test_printed_config_trains(fit, workplace, capsys):
    with pytest.raises(SystemExit):
        main(["fit", *QUICK, "--print_config"])
    (workplace / "own.yaml").write_text(capsys.readouterr().out)
    assert DigitCLI(["fit", "--config=own.yaml"]).trainer.global_step == 6


def test_predict_makes_its_own_run_folder_and_prints_the_path(fit, digitrec):
    run = fit()
    before = set(Path("lightning_logs").iterdir())
    status, out, _ = digitrec("predict")
    (new,) = set(Path("lightning_logs").iterdir()) - before
    assert status == 0
    assert new != folder(run)
    assert f"Predictions: {new}/predictions.csv" in out
    assert len((new / "predictions.csv").read_text().splitlines()) == 1 + TEST


def test_python_m_digitrec_returns_exit_status(workplace):
    command = [sys.executable, "-m", "digitrec", "test"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("digitrec: There is no trained run in lightning_logs")
    assert run.stderr.count("\n") == 1
