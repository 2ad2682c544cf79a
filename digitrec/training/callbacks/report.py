"""The report of a test: printed, and written to ``report.json`` and ``mistakes.png``."""

import json
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from digitrec.evaluation import metrics, plots
from digitrec.files import replacing
from digitrec.training.callbacks.collector import PredictionCollector, Predictions
from digitrec.training.callbacks.progress import say
from digitrec.training.runs.folder import run_folder


class ReportWriter(PredictionCollector):
    """Print the result of a test, and write ``report.json`` and ``mistakes.png`` into the run folder.

    Without a logger there is no run folder, and nothing is written.
    """

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Report every test."""
        return stage == "test"

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Print and write on rank 0."""
        folder = run_folder(trainer)  # a collective operation
        if not trainer.is_global_zero:
            return
        images, labels, digits, confidences = predictions
        loss = float(trainer.callback_metrics["test/loss"])
        report = {**metrics.report(labels, digits, confidences), "loss": loss}
        say(trainer, _text(report))
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"checkpoint": str(trainer.ckpt_path), **report}, indent=1, allow_nan=False) + "\n"
        with replacing(folder / "report.json") as file:
            file.write(text.encode())
        sheet = plots.mistakes(images, labels, digits, confidences, columns=10, rows=10)
        with replacing(folder / "mistakes.png") as file:
            file.write(plots.png(sheet))
        say(trainer, f"Report: {folder / 'report.json'} and mistakes.png beside it")


def _text(report: dict[str, Any]) -> str:
    low, high = report["accuracy_95"]
    rows = [
        f"{row['digit']:>5}{row['images']:>9}{row['wrong']:>8}{row['wrong'] / max(1, row['images']):>9.2%}"
        for row in report["digits"]
    ]
    return "\n".join(
        [
            f"Accuracy {report['accuracy']:.2%}, 95 % interval {low:.2%} to {high:.2%}: "
            f"{report['correct']:,} of {report['images']:,} images",
            f"Expected calibration error {report['calibration_error']:.2%}, loss {report['loss']:.4f}",
            "digit   images   wrong    share",
            *rows,
        ]
    )
