"""What a run shows about its network: figures and final metrics in TensorBoard, the report of a test."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn

from digitrec import figures, measures
from digitrec.predictions import PredictionCollector, Predictions

WITHOUT_EFFECT = frozenset({"data_dir", "num_workers", "eval_batch_size", "_instantiator"})
"""Hyperparameters that change no result."""


class Figures(PredictionCollector):
    """Show in TensorBoard what the network confuses, gets wrong, looks at, and whether it can be believed.

    The figures are drawn after validation in every n-th epoch, by ``validate``, and after a test. Other
    loggers take none; that is said in a line. At the end of a run its hyperparameters and last metrics go to
    the HParams tab.

    Args:
        every_n_epochs: 0 draws none at all.
    """

    def __init__(self, every_n_epochs: int = 5) -> None:
        super().__init__()
        if every_n_epochs < 0:
            raise ValueError(f"figures.every_n_epochs must be at least 0, not {every_n_epochs}")
        self.every_n_epochs = every_n_epochs

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say so where nothing can be drawn."""
        if self.every_n_epochs and stage != "predict" and board(trainer) is None and trainer.is_global_zero:
            names = " and ".join(type(logger).__name__ for logger in trainer.loggers)
            reason = f"{names} takes none" if names else "there is no logger"
            print(f"No figures: {reason}. TensorBoardLogger does.")

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Draw in every n-th epoch of a fit, and whenever a network is only evaluated."""
        if not self.every_n_epochs or board(trainer) is None:
            return False
        return trainer.state.fn != TrainerFn.FITTING or (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Draw on rank 0, which has the images of all."""
        logger = board(trainer)
        if logger is None or not trainer.is_global_zero:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        # The step of the last update, under which Lightning logs the metrics of this validation.
        step = max(0, trainer.global_step - 1)
        for name, figure in drawn(predictions, pl_module):
            # As SummaryWriter.add_image does, which would encode the pixels itself, at three times the cost.
            image = Summary.Image(encoded_image_string=figures.png(figure))
            summary = Summary(value=[Summary.Value(tag=f"{stage}/{name}", image=image)])
            logger.experiment.file_writer.add_summary(summary, step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what the run was made of, beside the curves that show what came of it."""
        self._log_hyperparameters(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what was tested, beside its metrics."""
        self._log_hyperparameters(trainer, pl_module)

    def _log_hyperparameters(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger = board(trainer)
        if logger is None or not trainer.is_global_zero:
            return
        from torch.utils.tensorboard.summary import hparams  # here: it loads TensorBoard

        # Without the summary of an experiment TensorBoard takes the columns of its table from all runs, those
        # that differ first, and the last value of each curve. With it the columns are those of one run.
        _, start, end = hparams(hyperparameters(trainer, pl_module), {})  # type: ignore[no-untyped-call]
        for summary in (start, end):
            logger.experiment.file_writer.add_summary(summary)


def board(trainer: Trainer) -> TensorBoardLogger | None:
    """The first logger that takes figures."""
    return next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)


def drawn(predictions: Predictions, pl_module: LightningModule) -> Iterator[tuple[str, Any]]:
    """Draw the figures, one by one: (name, figure). A network without a layer on 784 pixels has no tiles."""
    images, labels, digits, confidences = predictions
    yield "confusion", figures.confusion_matrix(measures.confusion(labels, digits))
    yield "mistakes", figures.mistakes(images, labels, digits, confidences)
    bins = measures.calibration_bins(confidences, labels == digits)
    yield "reliability", figures.reliability(*bins, measures.calibration_error(bins))
    first = next((p for p in pl_module.parameters() if p.ndim == 2 and p.shape[1] == 28 * 28), None)
    if first is not None:
        yield "first_layer", figures.first_layer(first.detach().float().cpu().numpy())


def hyperparameters(trainer: Trainer, pl_module: LightningModule) -> dict[str, str | float]:
    """All that a run was made of, flat: ``optimizer`` is a class's name, ``optimizer.lr`` its argument.

    Of a test it is the model alone: it does not know how that was trained.
    """
    everything = dict(pl_module.hparams)
    if trainer.state.fn == TrainerFn.FITTING:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        everything |= {"max_epochs": trainer.max_epochs, "seed": os.environ.get("PL_GLOBAL_SEED")}
        # TensorBoard shows five columns by their alphabet: a name late in it leaves room for the model's.
        everything["training_data"] = dict(data.hparams)
    return dict(_flat("", everything))


def _flat(name: str, value: Any) -> Iterator[tuple[str, str | float]]:
    if isinstance(value, Namespace):
        value = value.as_dict()
    if isinstance(value, dict) and "class_path" in value:
        yield name, value["class_path"].rpartition(".")[2]
        value = value.get("init_args", {})
    if isinstance(value, dict):
        for key in value.keys() - WITHOUT_EFFECT:
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif value is not None:
        yield name, value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


class ReportWriter(PredictionCollector):
    """Print what a test found, and leave ``report.json`` and ``mistakes.png`` in the run folder.

    Without a logger there is no run folder, and nothing is written.
    """

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Report every test."""
        return stage == "test"

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Print and write on rank 0, which has the images of all."""
        folder = trainer.log_dir  # Lightning wants this asked on all processes
        if not trainer.is_global_zero:
            return
        images, labels, digits, confidences = predictions
        report = measures.report(labels, digits, confidences)
        print(_text(report))
        if trainer.logger is None or folder is None:
            return
        run = Path(folder)
        run.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"checkpoint": str(trainer.ckpt_path), **report}, indent=1) + "\n"
        _write(run / "report.json", text.encode())
        sheet = figures.mistakes(images, labels, digits, confidences, columns=10, rows=10)
        _write(run / "mistakes.png", figures.png(sheet))
        print(f"Report: {run / 'report.json'} and mistakes.png beside it")


def _text(report: dict[str, Any]) -> str:
    low, high = report["accuracy_95"]
    rows = [
        f"{row['digit']:>5}{row['images']:>9}{row['wrong']:>8}{row['wrong'] / max(1, row['images']):>9.2%}"
        for row in report["digits"]
    ]
    return "\n".join(
        [
            f"Accuracy {report['accuracy']:.2%}, 95 % interval {low:.2%} to {high:.2%}: "
            f"{report['right']:,} of {report['images']:,} images",
            f"Expected calibration error {report['calibration_error']:.2%}",
            "digit   images   wrong    share",
            *rows,
        ]
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
