"""The command line of the page detector's training: ``digitrec detector``."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import yaml

from digitrec.cli import DigitCLI, main
from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.detector import DigitDetector
from digitrec.models.detector_weights import network_weights
from digitrec.training.detector import LOSSES, DetectorTraining
from digitrec.training.detector_cli import DetectorCLI
from tests.conftest import ROOT, curves
from tests.training.conftest import Killed, assert_same, checkpoint_content

STEPS, EPOCHS = 4, 2
BEST, LAST = (Path(f"lightning_logs/version_0/checkpoints/{name}.ckpt") for name in ("best", "last"))
CONFIG = "--config=detector.yaml"


@pytest.fixture(scope="session")
def glyphs(tmp_path_factory):
    """The folder in which the pools of glyphs are kept, which take seconds to make."""
    return tmp_path_factory.mktemp("glyphs")


@pytest.fixture
def config(workplace, glyphs):
    """configs/detector.yaml with few glyphs, steps and epochs, and a checkpoint after each step."""
    config = yaml.safe_load((ROOT / "configs" / "detector.yaml").read_text())
    config["data"] |= {"steps": STEPS, "val_steps": 1, "num_workers": 0, "val_size": 100}
    config["data"]["sizes"] = {"written": 50, "drawn": 400, "marks": 300}
    trainer = {"max_epochs": EPOCHS, "accelerator": "cpu", "log_every_n_steps": 1}
    config["trainer"] |= trainer | {"enable_progress_bar": False}
    for callback in config["trainer"]["callbacks"]:
        if callback["class_path"].endswith("LastCheckpoint"):
            callback["init_args"]["every_n_train_steps"] = 1
    (workplace / "detector.yaml").write_text(yaml.safe_dump(config))
    shutil.copytree(glyphs, workplace / "data", dirs_exist_ok=True)
    yield config
    for path in (workplace / "data").glob("glyphs-*.npz"):
        shutil.copy(path, glyphs)


@pytest.fixture
def fit(config, monkeypatch):
    """Run ``fit``; optionally do something in the n-th training step."""

    def fit(*args, call=0, action=None):
        calls, step = [], DetectorTraining.training_step

        def acting(self, *args):
            calls.append(args)
            if len(calls) == call:
                action()
            return step(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(DetectorTraining, "training_step", acting)
            return DetectorCLI(["fit", CONFIG, *args])

    return fit


def kill():
    raise Killed


def test_shipped_config_trains_and_writes_curves_checkpoints_and_hyperparameters(fit):
    cli = fit()
    assert cli.trainer.global_step == STEPS * EPOCHS
    run = BEST.parents[1]
    assert {path.name for path in BEST.parent.iterdir()} == {"best.ckpt", "last.ckpt"}
    assert (run / "config.yaml").exists()
    points = curves(run)
    for name in ("loss", "found", "read", *LOSSES):
        assert len(points[f"val/{name}"]) == EPOCHS
    assert 0 <= points["val/read"][-1][1] <= points["val/found"][-1][1] <= 1
    DigitDetector().load_state_dict(network_weights(BEST))
    validated = DetectorCLI(["validate", "--config=detector.yaml"])
    assert validated.config["validate"].ckpt_path == str(BEST)
    lowest = min(value for _, value in points["val/loss"])
    assert validated.trainer.callback_metrics["val/loss"].item() == pytest.approx(lowest, rel=1e-5)


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.long)])
def test_run_killed_inside_an_epoch_resumes_exactly(workers, fit, workplace):
    option = f"--data.num_workers={workers}"
    fit(option)
    expected = checkpoint_content(LAST), checkpoint_content(BEST), curves(LAST.parents[1])
    (workplace / "lightning_logs").rename(workplace / "uninterrupted")
    with pytest.raises(Killed):
        fit(option, call=STEPS + 3, action=kill)
    assert read_checkpoint(LAST)["global_step"] == STEPS + 2
    fit(option, "--ckpt_path=last")
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]
    resumed = checkpoint_content(LAST), checkpoint_content(BEST), curves(LAST.parents[1])
    assert_same(resumed, expected)


def test_signal_stops_the_run_and_names_the_command_that_resumes_it(fit, capsys):
    with pytest.MonkeyPatch.context() as patch:
        step = DetectorTraining.training_step

        def asked(self, *args):
            os.kill(os.getpid(), signal.SIGTERM)
            return step(self, *args)

        patch.setattr(DetectorTraining, "training_step", asked)
        assert main(["detector", "fit", CONFIG]) == 143
    message = capsys.readouterr().err.splitlines()[-1]
    command = f"detector fit --config {LAST.parents[1]}/config.yaml --ckpt_path {LAST}"
    assert message == f"digitrec: Stopped after step 1. Resume it with: digitrec {command}"
    assert main(command.split()) == 0
    assert read_checkpoint(LAST)["global_step"] == STEPS * EPOCHS


def test_resumed_run_must_have_the_same_pages(fit):
    with pytest.raises(Killed):
        fit(call=3, action=kill)
    with pytest.raises(CheckpointError, match=r"data\.steps is 5 but 4 in the checkpoint"):
        fit("--ckpt_path=last", "--data.steps=5")
    with pytest.raises(CheckpointError, match=r"data\.sizes\.marks is 299 but 300 in the checkpoint"):
        fit("--ckpt_path=last", "--data.sizes.marks=299")


def test_neither_command_takes_a_checkpoint_of_the_other(fit, config):
    with pytest.raises(Killed):
        fit(call=3, action=kill)
    with pytest.raises(CheckpointError, match="There is no trained run in lightning_logs"):
        DigitCLI(["test"])
    with pytest.raises(CheckpointError, match=r"last\.ckpt is a checkpoint of the page detector"):
        DigitCLI(["test", f"--ckpt_path={LAST}"])
    with pytest.raises(CheckpointError, match=r"last\.ckpt is a checkpoint of the page detector"):
        load_classifier(LAST)
    with pytest.raises(CheckpointError, match=r"digits\.ckpt is a checkpoint of the classifier"):
        DetectorCLI(["validate", f"--ckpt_path={ROOT}/digitrec/weights/digits.ckpt"])


MISTAKES = {
    "no command": ([], "Name a command: fit or validate; see --help."),
    "a command that it has not": (["test"], "There is no command test: choose from 'fit', 'validate'."),
    "no experiment": (["fit"], "model.network, model.optimizer: there is no value; give an experiment, for "),
    "no run": (
        ["validate"],
        "There is no trained run in lightning_logs: train one with digitrec detector fit --config "
        "configs/detector.yaml, or give a file with --ckpt_path.",
    ),
    "an unknown option": (["fit", CONFIG, "--trainer.max_epochz=3"], "--trainer.max_epochz=3: there is no "),
    "another network": (
        ["fit", CONFIG, "--model.network=digitrec.models.MLP"],
        "model.network: digitrec.models.MLP is not a DigitDetector.",
    ),
    "no step": (["fit", CONFIG, "--data.steps=0"], "data.steps must be at least 1, not 0"),
    "no validation": (["fit", CONFIG, "--data.val_steps=0"], "data.val_steps must be at least 1, not 0"),
    "a negative learning rate": (
        ["fit", CONFIG, "--model.optimizer.init_args.lr=-1"],
        "model.optimizer: Invalid learning rate: -1.0",
    ),
    "a schedule of epochs": (
        ["fit", CONFIG, "--model.scheduler_interval=epoch"],
        "model.scheduler, by the epoch: You must define either total_steps OR (epochs AND steps_per_epoch)",
    ),
    "no weights to start from": (
        ["fit", CONFIG, "--model.start_from=no.ckpt"],
        "There is no checkpoint no.ckpt: give a file, best or last.",
    ),
    "no classifier": (
        ["fit", CONFIG, "--model.classifier=no.ckpt"],
        "There is no checkpoint no.ckpt: give a file, best or last.",
    ),
    "the pretrained weights": (["validate", "--ckpt_path=pretrained"], "pretrained has weights only: "),
}


@pytest.mark.parametrize(("args", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_prints_one_sentence_and_makes_no_run(args, message, config, capsys):
    assert main(["detector", *args]) in (1, 2)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"digitrec: {message}")
    assert not Path("lightning_logs").exists()


def test_missing_opencv_is_named(monkeypatch, capsys):
    needing = "digitrec.data.pages", "digitrec.data.raster", "digitrec.training.detector"
    hidden = [name for name in sys.modules if name.startswith(needing)]
    for package, _, module in (name.rpartition(".") for name in hidden):
        monkeypatch.delattr(sys.modules[package], module, raising=False)  # all come back after the test
    for name in hidden:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert main(["detector", "fit"]) == 1
    missing = "The package opencv-python-headless is missing: pip install 'digitrec[pages]'."
    assert capsys.readouterr().err == f"digitrec: {missing}\n"
