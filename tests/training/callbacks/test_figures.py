"""Figures of a validation or a test, in TensorBoard."""

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.training.callbacks import figures as figures_callback
from digitrec.training.callbacks.collector import Predictions
from tests.conftest import ROOT
from tests.training.callbacks.conftest import events

NAMES = ["confusion", "first_layer", "mistakes", "reliability"]


def steps(run, name):
    return [event.step for event in run.Images(f"val/{name}")]


def test_figures_are_drawn_every_n_epochs_and_in_the_last(fit):
    run = events(fit("--trainer.max_epochs=5", "--figures.every_n_epochs=2", "--data.batch_size=50"))
    assert sorted(run.Tags()["images"]) == [f"val/{name}" for name in NAMES]
    accuracy = [event.step for event in run.Scalars("val/acc")]
    for name in NAMES:
        assert steps(run, name) == [accuracy[epoch] for epoch in (1, 3, 4)] == [13, 27, 34]


def test_early_stopped_last_epoch_is_drawn_once(fit, drawn):
    early = [f"--config={ROOT}/configs/trainer/early_stopping.yaml", "--model.optimizer.init_args.lr=0"]
    run = events(fit(*early, "--trainer.max_epochs=20", "--figures.every_n_epochs=8"))  # ends after eleven
    assert steps(run, "confusion") == [8 * 6 - 1, 11 * 6 - 1]
    assert len(drawn["confusion_matrix"]) == 2
    fit("--trainer.max_epochs=2", "--figures.every_n_epochs=2")
    assert len(drawn["confusion_matrix"]) == 3


def test_missing_validation_images_are_reported(fit, capsys, drawn):
    fit("--data.val_size=0")
    lines = [line for line in capsys.readouterr().out.splitlines() if "igures" in line]
    assert lines == [
        "No figures while training: data.val_size is 0, there is no validation. test draws them."
    ]
    assert drawn["confusion_matrix"] == []


def test_sanity_check_draws_nothing(fit, drawn):
    fit("--figures.every_n_epochs=1", "--trainer.num_sanity_val_steps=-1")
    assert [counts.sum() for (counts,) in drawn["confusion_matrix"]] == [50]


def test_confusion_matrix_counts_the_validated_images(fit, drawn):
    cli = fit("--figures.every_n_epochs=1", "--data.eval_batch_size=20")
    ((counts,),) = drawn["confusion_matrix"]
    assert counts.trace() / 50 == pytest.approx(cli.trainer.callback_metrics["val/acc"].item())
    labels = cli.datamodule.val_set.targets.numpy()
    assert counts.sum(axis=1).tolist() == np.bincount(labels, minlength=10).tolist()
    ((images, given_labels, digits, confidences),) = drawn["mistakes"]
    assert np.array_equal(images, cli.datamodule.val_set.images.numpy())
    assert np.array_equal(given_labels, labels)
    assert np.array_equal((digits == labels).sum(), counts.trace())
    assert (confidences > 0.1).all()


def test_every_n_epochs_0_draws_no_figures(fit):
    assert events(fit("--figures.every_n_epochs=0")).Tags()["images"] == []


def test_validate_and_test_draw_figures(fit):
    fit()
    assert sorted(events(DigitCLI(["validate", "--data.val_size=50"])).Tags()["images"]) == [
        f"val/{name}" for name in NAMES
    ]
    assert sorted(events(DigitCLI(["test"])).Tags()["images"]) == [f"test/{name}" for name in NAMES]


def test_figures_do_not_change_the_training(fit):
    def weights(every):
        cli = fit(f"--figures.every_n_epochs={every}", "--trainer.max_epochs=2")
        return torch.cat([parameter.flatten() for parameter in cli.model.parameters()])

    assert torch.equal(weights(1), weights(0))


def test_negative_number_of_epochs_is_refused(fit, workplace):
    with pytest.raises(MisconfigurationException, match="every_n_epochs must be at least 0, not -1"):
        fit("--figures.every_n_epochs=-1")
    assert not (workplace / "lightning_logs").exists()


def test_network_without_a_first_linear_layer_has_no_weight_tiles():
    predictions = Predictions(np.zeros((1, 28, 28), np.uint8), np.ones(1, int), np.ones(1, int), np.ones(1))
    weights = figures_callback.first_weights(torch.nn.Conv2d(1, 8, 3))
    names = [name for name, _ in figures_callback.draw_figures(predictions, weights)]
    assert names == ["confusion", "mistakes", "reliability"]


@pytest.mark.parametrize(
    ("logger", "message"),
    [
        (
            "lightning.pytorch.loggers.CSVLogger",
            "No figures: CSVLogger cannot store images; use TensorBoardLogger.",
        ),
        ("false", "No figures: there is no logger; use TensorBoardLogger."),
    ],
)
def test_logger_without_figures_is_named(logger, message, fit, drawn, capsys):
    save_dir = ["--trainer.logger.init_args.save_dir=."] if "CSV" in logger else []
    fit("--figures.every_n_epochs=1", f"--trainer.logger={logger}", *save_dir)
    assert [line for line in capsys.readouterr().out.splitlines() if "igures" in line] == [message]
    assert drawn["confusion_matrix"] == []


def test_figures_go_to_the_logger_that_accepts_them(fit, workplace, capsys):
    loggers = "".join(
        f"  - {{class_path: lightning.pytorch.loggers.{kind}, init_args: {{save_dir: ., name: {name}}}}}\n"
        for kind, name in (("CSVLogger", "table"), ("TensorBoardLogger", "board"))
    )
    (workplace / "both.yaml").write_text("trainer:\n  logger:\n" + loggers)
    fit("--figures.every_n_epochs=1", "--config=both.yaml")
    assert "No figures" not in capsys.readouterr().out
    run = EventAccumulator(str(workplace / "board" / "version_0"))
    run.Reload()
    assert sorted(run.Tags()["images"]) == [f"val/{name}" for name in NAMES]
    assert "val/acc" in (workplace / "table" / "version_0" / "metrics.csv").read_text()
