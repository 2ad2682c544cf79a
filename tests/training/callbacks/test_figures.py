import json
import re

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from digitrec.cli import DigitCLI
from digitrec.evaluation import plots as figures
from digitrec.training.callbacks import figures as figures_callback
from digitrec.training.callbacks.collector import Predictions
from digitrec.training.classifier import DigitClassifier
from tests.conftest import ROOT

NAMES = ["confusion", "first_layer", "mistakes", "reliability"]


def events(cli):
    accumulator = EventAccumulator(cli.trainer.log_dir)
    accumulator.Reload()
    return accumulator


@pytest.fixture
def drawn(monkeypatch):
    """The arguments with which the confusion matrix and the mistakes were drawn."""
    arguments = {"confusion_matrix": [], "mistakes": []}
    for name, kept in arguments.items():
        draw = getattr(figures, name)

        def keep(*args, draw=draw, kept=kept, **kwargs):
            kept.append(args)
            return draw(*args, **kwargs)

        monkeypatch.setattr(figures, name, keep)
    return arguments


def steps(run, name):
    return [event.step for event in run.Images(f"val/{name}")]


def test_figures_come_every_n_epochs_and_in_the_last_under_the_step_of_their_metrics(fit):
    run = events(fit("--trainer.max_epochs=5", "--figures.every_n_epochs=2", "--data.batch_size=50"))
    assert sorted(run.Tags()["images"]) == [f"val/{name}" for name in NAMES]
    accuracy = [event.step for event in run.Scalars("val/acc")]
    for name in NAMES:
        assert steps(run, name) == [accuracy[epoch] for epoch in (1, 3, 4)] == [13, 27, 34]


def test_a_last_epoch_that_nobody_planned_is_drawn_and_no_epoch_twice(fit, drawn):
    early = [f"--config={ROOT}/configs/trainer/early_stopping.yaml", "--model.optimizer.init_args.lr=0"]
    run = events(fit(*early, "--trainer.max_epochs=20", "--figures.every_n_epochs=8"))  # ends after eleven
    assert steps(run, "confusion") == [8 * 6 - 1, 11 * 6 - 1]
    assert len(drawn["confusion_matrix"]) == 2
    fit("--trainer.max_epochs=2", "--figures.every_n_epochs=2")
    assert len(drawn["confusion_matrix"]) == 3


def test_without_validation_images_a_line_says_that_there_are_no_figures(fit, capsys, drawn):
    fit("--data.val_size=0")
    said = [line for line in capsys.readouterr().out.splitlines() if "igures" in line]
    assert said == ["No figures while training: data.val_size is 0, there is no validation. test draws them."]
    assert drawn["confusion_matrix"] == []


def test_the_check_before_the_training_draws_nothing(fit, drawn):
    fit("--figures.every_n_epochs=1", "--trainer.num_sanity_val_steps=-1")
    assert [counts.sum() for (counts,) in drawn["confusion_matrix"]] == [50]


def test_the_matrix_counts_the_images_that_were_validated(fit, drawn):
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


def test_no_figures_where_none_are_wanted(fit):
    assert events(fit("--figures.every_n_epochs=0")).Tags()["images"] == []


def test_a_validation_by_itself_and_a_test_are_drawn(fit):
    fit()
    assert sorted(events(DigitCLI(["validate", "--data.val_size=50"])).Tags()["images"]) == [
        f"val/{name}" for name in NAMES
    ]
    assert sorted(events(DigitCLI(["test"])).Tags()["images"]) == [f"test/{name}" for name in NAMES]


def test_figures_leave_the_training_as_it_is(fit):
    def weights(every):
        cli = fit(f"--figures.every_n_epochs={every}", "--trainer.max_epochs=2")
        return torch.cat([parameter.flatten() for parameter in cli.model.parameters()])

    assert torch.equal(weights(1), weights(0))


def test_a_negative_number_of_epochs_is_refused(fit, workplace):
    with pytest.raises(MisconfigurationException, match="every_n_epochs must be at least 0, not -1"):
        fit("--figures.every_n_epochs=-1")
    assert not (workplace / "lightning_logs").exists()


def test_a_network_without_a_layer_on_784_pixels_has_no_tiles():
    predictions = Predictions(np.zeros((1, 28, 28), np.uint8), np.ones(1, int), np.ones(1, int), np.ones(1))
    weights = figures_callback.first_weights(torch.nn.Conv2d(1, 8, 3))
    names = [name for name, _ in figures_callback.draw_figures(predictions, weights)]
    assert names == ["confusion", "mistakes", "reliability"]


@pytest.mark.parametrize(
    ("logger", "said"),
    [
        ("lightning.pytorch.loggers.CSVLogger", "No figures: CSVLogger takes none. TensorBoardLogger does."),
        ("false", "No figures: there is no logger. TensorBoardLogger does."),
    ],
)
def test_a_logger_that_takes_no_figures_is_named_in_one_line(logger, said, fit, drawn, capsys):
    save_dir = ["--trainer.logger.init_args.save_dir=."] if "CSV" in logger else []
    fit("--figures.every_n_epochs=1", f"--trainer.logger={logger}", *save_dir)
    assert [line for line in capsys.readouterr().out.splitlines() if "igures" in line] == [said]
    assert drawn["confusion_matrix"] == []


def test_among_several_loggers_the_one_that_takes_figures_gets_them(fit, workplace, capsys):
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


def hyperparameters(folder, ended=True):
    """What the HParams tab knows of a run."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    plugin = accumulator.PluginTagToContent("hparams")
    session = HParamsPluginData.FromString(plugin["_hparams_/session_start_info"]).session_start_info
    # An experiment of the first run would hide what only later runs have.
    end = ["_hparams_/session_end_info"] if ended else []
    assert sorted(plugin) == [*end, "_hparams_/session_start_info"]
    return {key: value.string_value or value.number_value for key, value in session.hparams.items()}


def test_the_hparams_tab_gets_what_a_run_is_made_of_and_its_curves_stay_as_they_are(fit):
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


def test_a_test_has_the_hparams_of_the_training_that_its_weights_come_from(fit):
    trained = fit("--model.network.init_args.hidden=[16]", "--data.batch_size=70", "--seed_everything=7")
    tested = hyperparameters(DigitCLI(["test"]).trainer.log_dir)
    assert tested.pop("weights_of") == f"{trained.trainer.log_dir}/checkpoints/best.ckpt".removeprefix("./")
    assert tested == hyperparameters(trained.trainer.log_dir)


class Killed(BaseException):
    """Ends a run as a kill does: nothing is written on the way out."""


def test_a_run_that_is_killed_has_its_row_and_keeps_it_when_it_goes_on(fit, monkeypatch):
    step = DigitClassifier.training_step

    def dying(self, *args):
        if self.current_epoch == 1:
            raise Killed
        return step(self, *args)

    folder = "lightning_logs/version_0"
    with monkeypatch.context() as patch:
        patch.setattr(DigitClassifier, "training_step", dying)
        with pytest.raises(Killed):
            fit("--trainer.max_epochs=2")
    stopped = hyperparameters(folder, ended=False)
    assert stopped["optimizer.lr"] == 0.001
    fit("--trainer.max_epochs=2", "--ckpt_path=last")
    assert hyperparameters(folder) == stopped


def test_a_test_leaves_a_report_and_the_mistakes_in_the_run_folder(fit, workplace, capsys, drawn):
    fit("--trainer.max_epochs=2", "--figures.every_n_epochs=0")
    cli = DigitCLI(["test"])
    run = workplace / cli.trainer.log_dir
    report = json.loads((run / "report.json").read_text())
    assert report["checkpoint"] == "lightning_logs/version_0/checkpoints/best.ckpt"
    assert report["images"] == 130
    assert report["accuracy"] == pytest.approx(cli.trainer.callback_metrics["test/acc"].item())
    labels = cli.datamodule.test_set.targets
    assert [row["images"] for row in report["digits"]] == labels.bincount(minlength=10).tolist()
    assert sum(row["wrong"] for row in report["digits"]) == 130 - report["correct"]
    out = capsys.readouterr().out
    low, high = report["accuracy_95"]
    assert f"Accuracy {report['accuracy']:.2%}, 95 % interval {low:.2%} to {high:.2%}: " in out
    assert f"Expected calibration error {report['calibration_error']:.2%}" in out
    wrong = next(row for row in report["digits"] if row["digit"] == 3)
    assert f"3{wrong['images']:>9}{wrong['wrong']:>8}{wrong['wrong'] / wrong['images']:>9.2%}\n" in out
    assert f"Report: {run.relative_to(workplace)}/report.json" in out
    images, given, digits, _ = drawn["mistakes"][-1]
    assert np.array_equal(images, cli.datamodule.test_set.images)
    assert (given != digits).sum() == 130 - report["correct"]
    with Image.open(run / "mistakes.png") as picture:
        assert picture.width == 10 * 60 + 50
    assert sorted(path.suffix for path in run.iterdir() if path.name.startswith(("report", "mis"))) == [
        ".json",
        ".png",
    ]


def test_without_a_run_folder_the_report_is_printed_alone(fit, workplace, capsys):
    fit()
    before = sorted(workplace.rglob("*"))
    DigitCLI(["test", "--trainer.logger=false"])
    assert "95 % interval" in capsys.readouterr().out
    assert sorted(workplace.rglob("*")) == before


def test_of_a_test_that_is_cut_short_the_images_that_were_read_are_reported(fit, workplace):
    fit()
    cli = DigitCLI(["test", "--trainer.limit_test_batches=2", "--data.eval_batch_size=20"])
    report = json.loads((workplace / cli.trainer.log_dir / "report.json").read_text())
    assert report["images"] == 40
    assert report["accuracy"] == pytest.approx(cli.trainer.callback_metrics["test/acc"].item())
