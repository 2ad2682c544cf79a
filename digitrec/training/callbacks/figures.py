"""What a run shows about its network: figures and final metrics in TensorBoard, the report of a test."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn

from digitrec.evaluation import metrics, plots
from digitrec.evaluation.metrics import Array
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.callbacks.collector import PredictionCollector, Predictions
from digitrec.training.callbacks.hparams import hyperparameters


class Figures(PredictionCollector):
    """Show in TensorBoard what the network confuses, gets wrong, looks at, and whether it can be believed.

    The figures are drawn after validation in every n-th epoch and in the last, by ``validate``, and after a
    test. Where none can be drawn, that is said in a line. What a run is made of goes to the HParams tab when
    it starts, so that one which is stopped has its row, too.

    Args:
        every_n_epochs: 0 draws none at all.
    """

    def __init__(self, every_n_epochs: int = 5) -> None:
        super().__init__()
        if every_n_epochs < 0:
            raise ValueError(f"figures.every_n_epochs must be at least 0, not {every_n_epochs}")
        self.every_n_epochs = every_n_epochs
        self._undrawn: tuple[Predictions, Array | None, int] | None = None  # of the last validation

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say so where nothing can be drawn."""
        if not self.every_n_epochs or stage == "predict" or not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if board(trainer) is None:
            names = " and ".join(type(logger).__name__ for logger in trainer.loggers)
            reason = f"{names} takes none" if names else "there is no logger"
            print(f"No figures: {reason}. TensorBoardLogger does.")
        elif stage == "fit" and getattr(data, "val_size", None) == 0:
            print("No figures while training: data.val_size is 0, there is no validation. test draws them.")

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Collect in every epoch, since none knows whether it is the last, but draw not in each."""
        return self.every_n_epochs > 0 and board(trainer) is not None

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Draw, or keep what is to be drawn if the run ends here; on rank 0, which has the images of all."""
        if not trainer.is_global_zero:
            return
        # The step of the last update, under which Lightning logs the metrics of this validation.
        self._undrawn = predictions, first_weights(pl_module), max(0, trainer.global_step - 1)
        fits = trainer.state.fn == TrainerFn.FITTING
        if not fits or (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._draw(trainer, stage)

    def _draw(self, trainer: Trainer, stage: str) -> None:
        logger = board(trainer)
        if logger is None or self._undrawn is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        predictions, weights, step = self._undrawn
        self._undrawn = None
        for name, figure in drawn(predictions, weights):
            # As SummaryWriter.add_image does, which would encode the pixels itself, at three times the cost.
            image = Summary.Image(encoded_image_string=plots.png(figure))
            summary = Summary(value=[Summary.Value(tag=f"{stage}/{name}", image=image)])
            logger.experiment.file_writer.add_summary(summary, step)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what the run is made of, beside the curves that show what comes of it."""
        made_of = getattr(trainer.datamodule, "hparams", {})  # type: ignore[attr-defined]  # none from Python
        seed = os.environ.get("PL_GLOBAL_SEED")
        self._log_row(trainer, hyperparameters(pl_module.hparams, made_of, seed, trainer.max_epochs))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last epoch; say that the run reached its end."""
        self._draw(trainer, "val")
        self._log_row(trainer, {}, ended=True)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what was tested and how it was trained, beside the metrics of the test."""
        if not trainer.ckpt_path:  # from Python
            self._log_row(trainer, hyperparameters(pl_module.hparams, {}, None, None), ended=True)
            return
        path = Path(trainer.ckpt_path)
        checkpoint = read_checkpoint(path)
        known = checkpoint.get("callbacks", {}).get("ExactResume", {})
        trained = hyperparameters(
            checkpoint["hyper_parameters"],
            checkpoint["datamodule_hyper_parameters"],
            known.get("seed"),
            known.get("max_epochs"),
        )
        # TensorBoard shows five columns by their alphabet: a name late in it leaves room for the others.
        self._log_row(trainer, {**trained, "weights_of": str(path)}, ended=True)

    def _log_row(self, trainer: Trainer, values: dict[str, str | float], ended: bool = False) -> None:
        """Log the start of a row in the HParams tab, if there are values, and its end if it has come."""
        logger = board(trainer)
        if logger is None or not trainer.is_global_zero:
            return
        from torch.utils.tensorboard.summary import hparams  # here: it loads TensorBoard

        # Without the summary of an experiment TensorBoard takes the columns of its table from all runs, those
        # that differ first, and the last value of each curve. With it the columns are those of one run.
        _, start, end = hparams(values, {})  # type: ignore[no-untyped-call]
        for summary in ([start] if values else []) + ([end] if ended else []):
            logger.experiment.file_writer.add_summary(summary)
        logger.experiment.flush()


def board(trainer: Trainer) -> TensorBoardLogger | None:
    """The first logger that takes figures."""
    return next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)


def drawn(predictions: Predictions, weights: Array | None) -> Iterator[tuple[str, Any]]:
    """Draw the figures, one by one: (name, figure). Without weights of a first layer it has no tiles."""
    images, labels, digits, confidences = predictions
    yield "confusion", plots.confusion_matrix(metrics.confusion(labels, digits))
    yield "mistakes", plots.mistakes(images, labels, digits, confidences)
    bins = metrics.calibration_bins(confidences, labels == digits)
    yield "reliability", plots.reliability(*bins, metrics.calibration_error(bins))
    if weights is not None:
        yield "first_layer", plots.first_layer(weights)


def first_weights(pl_module: LightningModule) -> Array | None:
    """A copy of the weights of the first layer on 784 pixels, (units, 784); None if there is none."""
    first = next((p for p in pl_module.parameters() if p.ndim == 2 and p.shape[1] == 28 * 28), None)
    return None if first is None else first.detach().float().cpu().numpy().copy()
