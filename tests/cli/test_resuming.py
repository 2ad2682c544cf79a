"""Resume a run with fit and ``--ckpt_path``."""

import csv
import json
from pathlib import Path

import torch

from digitrec.cli import DigitCLI
from tests.cli.conftest import QUICK, checkpoint, checkpoint_path, folder


def test_fit_resumes_from_the_last_step_of_the_checkpoint(fit):
    once = fit()
    steps = once.trainer.global_step
    assert steps == 6  # 350 images in batches of 64
    before = (Path(folder(once)) / "config.yaml").read_text()
    resumed = fit("--ckpt_path=last", "--trainer.max_epochs=3")
    assert checkpoint_path(resumed) == checkpoint(once, "last")
    assert (resumed.trainer.global_step, resumed.trainer.current_epoch) == (18, 3)
    config = Path(folder(once)) / "config.yaml"
    assert config.read_text() == before.replace("max_epochs: 1\n", "max_epochs: 3\n")
    uninterrupted = fit("--trainer.max_epochs=3")
    for key, value in uninterrupted.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[key], value)


def test_fit_with_nothing_to_resume_is_an_error(fit, mistake):
    message = mistake("fit", *QUICK, "--ckpt_path=last")
    assert message.startswith("There is no trained run of the config's network in lightning_logs")
    run = fit()
    message = mistake("fit", *QUICK, "--ckpt_path=last")
    path = checkpoint(run, "last")
    nothing = f"There is nothing to resume: trainer.max_epochs is 1, and {path} was trained for 1."
    assert message == f"{nothing} Set trainer.max_epochs higher."
    message = mistake("fit", "--ckpt_path=last")
    assert message.endswith(f"use --config {folder(run)}/config.yaml.")
    resumed = DigitCLI(
        ["fit", f"--config={folder(run)}/config.yaml", "--ckpt_path=last", "--trainer.max_epochs=2"]
    )
    assert resumed.trainer.global_step == 12


def test_all_loggers_of_a_resumed_run_go_on(fit, workplace):
    names = {"TensorBoardLogger": "t", "CSVLogger": "c"}
    loggers = [
        {"class_path": f"lightning.pytorch.loggers.{name}", "init_args": {"save_dir": folder, "name": "runs"}}
        for name, folder in names.items()
    ]
    (workplace / "c/runs/version_3").mkdir(parents=True)  # the next one is 4, that of TensorBoard 0
    argument = f"--trainer.logger={json.dumps(loggers)}"
    fit(argument)
    fit(argument, "--ckpt_path=last", "--trainer.max_epochs=2")
    assert [path.name for path in (workplace / "t/runs").iterdir()] == ["version_0"]
    assert sorted(path.name for path in (workplace / "c/runs").iterdir()) == ["version_3", "version_4"]
    with (workplace / "c/runs/version_4/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["val/acc"]]
    assert [int(row["step"]) for row in rows] == [5, 11]
