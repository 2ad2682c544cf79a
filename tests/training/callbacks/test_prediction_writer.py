"""Predictions of the test images as a table."""

import csv

import pytest

from digitrec.cli import DigitCLI
from digitrec.training.callbacks.prediction_writer import COLUMNS, PredictionsWriter


def test_predict_writes_every_test_image_in_order(fit, workplace, capsys):
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
    correct = [int(row["digit"]) == label for row, label in zip(rows, labels(cli), strict=True)]
    assert sum(correct) / len(correct) > 0.9


def labels(cli):
    cli.datamodule.setup("test")
    return cli.datamodule.test_set.targets.tolist()


def test_failed_prediction_leaves_no_file(fit, workplace, monkeypatch):
    fit()
    written = PredictionsWriter.write_on_batch_end

    def fail_after_the_first(self, *args, **kwargs):
        written(self, *args, **kwargs)
        raise KeyError("the disk is on fire")

    monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", fail_after_the_first)
    with pytest.raises(KeyError):
        DigitCLI(["predict"])
    assert list(workplace.glob("lightning_logs/**/predictions*")) == []
