"""Figures in TensorBoard."""

from collections.abc import Iterator
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from digitrec.evaluation import metrics, plots
from digitrec.evaluation.metrics import Array
from digitrec.models.mlp import PIXELS
from digitrec.training.callbacks.collector import PredictionCollector, Predictions
from digitrec.training.callbacks.hparams import tensorboard_logger


class Figures(PredictionCollector):
    """Draw figures into TensorBoard.

    The figures are the confusion matrix, the most confident errors, the weights of the first layer and the
    reliability diagram. They are drawn after the validation of every n-th epoch and of the last one, by
    ``validate`` and after a test. A line says so if none can be drawn.

    Args:
        every_n_epochs: draw in every n-th epoch; 0 draws no figures.

    Raises:
        ValueError: every_n_epochs is negative.
    """

    def __init__(self, every_n_epochs: int = 5) -> None:
        super().__init__()
        if every_n_epochs < 0:
            raise ValueError(f"figures.every_n_epochs must be at least 0, not {every_n_epochs}")
        self.every_n_epochs = every_n_epochs
        self._undrawn: tuple[Predictions, Array | None, int] | None = None  # the last validation

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Print a line if nothing can be drawn."""
        if not self.every_n_epochs or stage == "predict" or not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if tensorboard_logger(trainer) is None:
            names = " and ".join(type(logger).__name__ for logger in trainer.loggers)
            reason = f"{names} cannot store images" if names else "there is no logger"
            print(f"No figures: {reason}; use TensorBoardLogger.")
        elif stage == "fit" and getattr(data, "val_size", None) == 0:
            print("No figures while training: data.val_size is 0, there is no validation. test draws them.")

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Collect in every epoch, since it may be the last."""
        return self.every_n_epochs > 0 and tensorboard_logger(trainer) is not None

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Draw, or keep the predictions in case the run ends here."""
        if not trainer.is_global_zero:
            return
        # The step of the last update, under which Lightning logs the metrics of this validation.
        self._undrawn = predictions, first_weights(pl_module), max(0, trainer.global_step - 1)
        fits = trainer.state.fn == TrainerFn.FITTING
        if not fits or (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._draw(trainer, stage)

    def _draw(self, trainer: Trainer, stage: str) -> None:
        logger = tensorboard_logger(trainer)
        if logger is None or self._undrawn is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        predictions, weights, step = self._undrawn
        self._undrawn = None
        for name, figure in draw_figures(predictions, weights):
            # As SummaryWriter.add_image does, which would encode the pixels itself, at three times the cost.
            image = Summary.Image(encoded_image_string=plots.png(figure))
            summary = Summary(value=[Summary.Value(tag=f"{stage}/{name}", image=image)])
            logger.experiment.file_writer.add_summary(summary, step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last epoch."""
        self._draw(trainer, "val")


def draw_figures(predictions: Predictions, weights: Array | None) -> Iterator[tuple[str, Any]]:
    """Yield the figures: (name, figure). The first layer is drawn if there are weights."""
    images, labels, digits, confidences = predictions
    yield "confusion", plots.confusion_matrix(metrics.confusion_matrix(labels, digits))
    yield "mistakes", plots.mistakes(images, labels, digits, confidences)
    bins = metrics.calibration_bins(confidences, labels == digits)
    yield "reliability", plots.reliability(*bins, metrics.calibration_error(bins))
    if weights is not None:
        yield "first_layer", plots.first_layer(weights)


def first_weights(pl_module: LightningModule) -> Array | None:
    """Return a copy of the weights of the first layer on 784 pixels, (units, 784); None if there is none."""
    first = next((p for p in pl_module.parameters() if p.ndim == 2 and p.shape[1] == PIXELS), None)
    return None if first is None else first.detach().float().cpu().numpy().copy()
