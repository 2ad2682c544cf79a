import csv

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.training.callbacks.prediction_writer import COLUMNS, PredictionsWriter
from tests.conftest import ROOT


def test_predict_writes_every_test_image_once_in_order_with_its_probabilities(fit, workplace, capsys):
    trained = fit("--trainer.max_epochs=4")
    cli = DigitCLI(["predict"])
    path = workplace / cli.trainer.log_dir / "predictions.csv"
    assert path.parent != workplace / trained.trainer.log_dir
    assert f"Predictions: {path.relative_to(workplace)}" in capsys.readouterr().out
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == COLUMNS
    assert [int(row["index"]) for row in rows] == list(range(130))
    for row in rows:
        probabilities = [float(row[f"p{digit}"]) for digit in range(10)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert float(row["confidence"]) == max(probabilities) == probabilities[int(row["digit"])]
    right = [int(row["digit"]) == label for row, label in zip(rows, labels(cli), strict=True)]
    assert sum(right) / len(right) > 0.9


def labels(cli):
    cli.datamodule.setup("test")
    return cli.datamodule.test_set.targets.tolist()


def test_a_prediction_that_fails_leaves_no_file(fit, workplace, monkeypatch):
    fit()
    written = PredictionsWriter.write_on_batch_end

    def fail_after_the_first(self, *args, **kwargs):
        written(self, *args, **kwargs)
        raise KeyError("the disk is on fire")

    monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", fail_after_the_first)
    with pytest.raises(KeyError):
        DigitCLI(["predict"])
    assert list(workplace.glob("lightning_logs/**/predictions*")) == []


def test_the_sheet_shows_each_digit_beside_its_distortion_once_a_run(workplace):
    small = ["--trainer.max_epochs=2", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
    cli = DigitCLI(["fit", f"--config={ROOT}/configs/best.yaml", *small])
    events = EventAccumulator(str(workplace / cli.trainer.log_dir))
    events.Reload()
    (sheet,) = events.Images("train/distorted")
    assert (sheet.width, sheet.height) == (16 * 30, 8 * 30)  # 64 pairs, each digit in a frame of a pixel


def test_without_distortion_there_is_no_sheet(fit, workplace):
    cli = fit("--trainer.callbacks+=digitrec.training.callbacks.DistortionSheet")
    events = EventAccumulator(str(workplace / cli.trainer.log_dir))
    events.Reload()
    assert "train/distorted" not in events.Tags()["images"]


def test_the_sheet_leaves_the_training_as_it_is(workplace):
    def weights(*args):
        small = ["--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
        cli = DigitCLI(["fit", f"--config={ROOT}/configs/best.yaml", *small, *args])
        return torch.cat([parameter.flatten() for parameter in cli.model.parameters()])

    assert torch.equal(weights(), weights("--trainer.callbacks=null"))


def test_without_a_logger_no_config_is_saved_and_a_second_run_works(fit, workplace):
    fit()
    for _ in range(2):
        DigitCLI(["test", "--trainer.logger=false"])
    assert not list(workplace.glob("*.yaml"))


def test_the_config_of_a_run_is_in_its_folder(fit, workplace):
    cli = fit("--data.batch_size=70")
    assert "batch_size: 70" in (workplace / cli.trainer.log_dir / "config.yaml").read_text()
