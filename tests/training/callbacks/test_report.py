"""The report of ``test``: printed, in report.json, and the most confident errors as a picture."""

import json

import numpy as np
import pytest
from PIL import Image

from digitrec.cli import DigitCLI


def test_test_writes_report_and_mistakes_to_the_run_folder(fit, workplace, capsys, drawn):
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
    assert f"Expected calibration error {report['calibration_error']:.2%}, loss {report['loss']:.4f}" in out
    assert report["loss"] == pytest.approx(cli.trainer.callback_metrics["test/loss"].item())
    wrong = next(row for row in report["digits"] if row["digit"] == 3)
    assert f"3{wrong['images']:>9}{wrong['wrong']:>8}{wrong['wrong'] / wrong['images']:>9.2%}\n" in out
    assert f"Report: {run.relative_to(workplace)}/report.json" in out
    images, labels, digits, _ = drawn["mistakes"][-1]
    assert np.array_equal(images, cli.datamodule.test_set.images)
    assert (labels != digits).sum() == 130 - report["correct"]
    with Image.open(run / "mistakes.png") as picture:
        assert picture.width == 10 * 60 + 50
    assert sorted(path.suffix for path in run.iterdir() if path.name.startswith(("report", "mis"))) == [
        ".json",
        ".png",
    ]


def test_without_a_run_folder_the_report_is_only_printed(fit, workplace, capsys):
    fit()
    before = sorted(workplace.rglob("*"))
    DigitCLI(["test", "--trainer.logger=false"])
    assert "95 % interval" in capsys.readouterr().out
    assert sorted(workplace.rglob("*")) == before


def test_limited_test_reports_only_its_images(fit, workplace):
    fit()
    cli = DigitCLI(["test", "--trainer.limit_test_batches=2", "--data.eval_batch_size=20"])
    report = json.loads((workplace / cli.trainer.log_dir / "report.json").read_text())
    assert report["images"] == 40
    assert report["accuracy"] == pytest.approx(cli.trainer.callback_metrics["test/acc"].item())
