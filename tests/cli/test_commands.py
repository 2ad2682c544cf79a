"""What the commands print, and their exit status."""

import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from digitrec.cli import DigitCLI, main
from digitrec.training.messages import CHATTER
from digitrec.training.parser import gather
from tests.cli.conftest import (
    MLP,
    QUICK,
    SUBCOMMANDS,
    folder,
)
from tests.conftest import ROOT, TEST


def test_no_command_prints_a_warning_or_tip(digitrec, workplace, caplog, monkeypatch):
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # of what Lightning calls, as in pyproject
    caplog.set_level(logging.INFO)
    longer = f"--config={ROOT}/configs/trainer/debug.yaml"
    for command in (
        ["fit", MLP, longer, "--data.val_size=50"],
        *(["validate", longer], ["test", longer], ["predict", longer], ["test", MLP, longer]),
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
        assert not re.search("|".join(CHATTER), printed, re.M), printed


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


def help_of(*args):
    with pytest.raises(SystemExit) as stopped:
        main(args)
    assert stopped.value.code == 0


def test_help_is_short_and_begins_with_model_and_data(workplace, capsys):
    help_of("fit", "--help")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: digitrec fit [--config FILE] [--KEY VALUE ...]"
    assert len(lines) < 100
    assert [line for line in lines if line.endswith(":") and not line.startswith(" ")][:3] == [
        *("model:", "data:", "trainer:"),
    ]
    keys = [line.split()[0] for line in lines if line.startswith("  --")]
    assert sum(key.startswith("--trainer.") for key in keys) == 10
    assert {
        "--model.network",
        "--model.tta",
        "--data.augment",
        "--data.batch_size",
        "--threads",
        "--name",
        "--ckpt_path",
    } <= set(keys)
    assert not any("torch.nn" in line for line in lines)
    (checkpoint,) = (line for line in lines if line.startswith("  --ckpt_path"))
    assert checkpoint.endswith("a checkpoint: best or last (of the newest run), pretrained, or a FILE")


@pytest.mark.parametrize("subcommand", SUBCOMMANDS[1:])
def test_help_of_an_evaluation_begins_with_the_checkpoint_and_has_no_model(subcommand, workplace, capsys):
    help_of(subcommand, "--help")
    lines = capsys.readouterr().out.splitlines()
    keys = [line.split()[0] for line in lines if line.startswith("  --")]
    assert keys[0] == "--ckpt_path"
    assert not any(key.startswith("--model") for key in keys)
    groups = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups[:3] == ["run:", "data:", "trainer:"]
    trainer = [key for key in keys if key.startswith("--trainer.")]
    assert trainer == [f"--trainer.{key}" for key in ("accelerator", "devices", "precision", "logger")]


def test_whole_help_has_every_key_and_requires_a_network_only_to_train(workplace, capsys):
    for command, required in (("fit", True), ("predict", False)):
        help_of(command, "--help=all")
        out = capsys.readouterr().out
        assert {"--trainer.barebones", "torch.nn.Linear", "pretrained, or a FILE"} <= set(
            re.findall(r"--trainer.barebones|torch.nn.Linear|pretrained, or a FILE", out)
        )
        assert ("(required" in out) == required


def test_several_pictures_follow_their_option(workplace, capsys):
    assert main(["predict", "--ckpt_path=pretrained", "--data.pictures", "a.png", "b c.png"]) == 1
    assert "There is no file a.png: check the name." in capsys.readouterr().err
    assert gather(["x", "--p", "a", "b c", "-y", "d"], "--p") == ["x", "--p", '["a", "b c"]', "-y", "d"]
    assert gather(["x", "--p", "a", "--y"], "--p") == ["x", "--p", "a", "--y"]
    assert gather(["x", "a"], "--p") == ["x", "a"]


def test_printed_config_trains(fit, workplace, capsys):
    with pytest.raises(SystemExit):
        main(["fit", *QUICK, "--print_config"])
    (workplace / "own.yaml").write_text(capsys.readouterr().out)
    assert DigitCLI(["fit", "--config=own.yaml"]).trainer.global_step == 6


def test_predict_makes_its_own_run_folder_and_prints_the_path(fit, digitrec):
    run = fit()
    status, out, _ = digitrec("predict")
    (new,) = Path("lightning_logs/predict").iterdir()
    assert status == 0
    assert [path.name for path in Path("lightning_logs").iterdir() if path != folder(run)] == ["predict"]
    assert f"Predictions: {new}/predictions.csv" in out
    assert len((new / "predictions.csv").read_text().splitlines()) == 1 + TEST


def test_python_m_digitrec_returns_exit_status(workplace):
    command = [sys.executable, "-m", "digitrec", "test"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("digitrec: There is no trained run in lightning_logs")
    assert run.stderr.count("\n") == 1
