"""The hyperparameters of a run in TensorBoard's HParams tab."""

import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from digitrec.cli import DigitCLI
from digitrec.training.classifier import DigitClassifier
from tests.conftest import curves
from tests.training.callbacks.conftest import events
from tests.training.conftest import Killed


def hyperparameters(folder, ended=True):
    """The hyperparameters of a run in the HParams tab."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    plugin = accumulator.PluginTagToContent("hparams")
    session = HParamsPluginData.FromString(plugin["_hparams_/session_start_info"]).session_start_info
    # An experiment summary of the first run would hide keys that only later runs have.
    end = ["_hparams_/session_end_info"] if ended else []
    assert sorted(plugin) == [*end, "_hparams_/session_start_info"]
    return {key: value.string_value or value.number_value for key, value in session.hparams.items()}


def test_hparams_describe_the_run_and_keep_its_curves(fit):
    cli = fit("--model.optimizer.init_args.lr=0.002", "--seed_everything=7", "--data.batch_size=70")
    values = hyperparameters(cli.trainer.log_dir)
    expected = {
        "network": "MLP",
        "network.hidden": "[128, 64]",
        "optimizer": "Adam",
        "optimizer.lr": 0.002,
        "training_data.batch_size": 70,
        "training_data.val_size": 50,
        "seed": "7",
        "max_epochs": 1,
    }
    assert expected.items() <= values.items()
    without_effect = re.compile(r".*(data_dir|_instantiator|num_workers|eval_batch_size|pictures)")
    assert not any(without_effect.fullmatch(key) for key in values)
    # The tab shows the last value of a curve.
    (last,) = events(cli).Scalars("val/acc")
    assert last.value == pytest.approx(cli.trainer.callback_metrics["val/acc"].item())


def test_hparams_tab_begins_with_the_validation(fit):
    cli = fit("--trainer.max_epochs=2")
    shown = curves(Path(cli.trainer.log_dir))
    assert sorted(shown)[:2] == ["HParams/val_acc", "HParams/val_loss"]
    assert shown["HParams/val_acc"] == shown["val/acc"]
    assert shown["HParams/val_loss"] == shown["val/loss"]


def test_test_run_has_the_hparams_of_its_training_run(fit):
    trained = fit("--model.network.init_args.hidden=[16]", "--data.batch_size=70", "--seed_everything=7")
    tested = hyperparameters(DigitCLI(["test"]).trainer.log_dir)
    assert tested.pop("weights_of") == f"{trained.trainer.log_dir}/checkpoints/best.ckpt".removeprefix("./")
    assert tested == hyperparameters(trained.trainer.log_dir)


def test_killed_run_keeps_its_hparams_when_resumed(fit, monkeypatch):
    step = DigitClassifier.training_step

    def killed(self, *args):
        if self.current_epoch == 1:
            raise Killed
        return step(self, *args)

    folder = "lightning_logs/version_0"
    with monkeypatch.context() as patch:
        patch.setattr(DigitClassifier, "training_step", killed)
        with pytest.raises(Killed):
            fit("--trainer.max_epochs=2")
    stopped = hyperparameters(folder, ended=False)
    assert stopped["optimizer.lr"] == 0.001
    fit("--trainer.max_epochs=2", "--ckpt_path=last")
    assert hyperparameters(folder) == stopped
