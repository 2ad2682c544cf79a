"""Predictions of a validation or test, gathered from all processes."""

from typing import Any, NamedTuple, TypeVar

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics.utilities.distributed import gather_all_tensors

from digitrec.evaluation.metrics import Array

AnyFound = TypeVar("AnyFound")


class Predictions(NamedTuple):
    """Images in the order of their data set, with labels and predictions.

    Attributes:
        images: uint8 (N, 28, 28).
        labels: int64 (N,).
        digits: int64 (N,), the predicted digits.
        confidences: float32 (N,), 0 to 1.
    """

    images: Array
    labels: Array
    digits: Array
    confidences: Array


class PredictionCollector(Callback):
    """Gather the predictions of a validation or test from all processes.

    A subclass says in ``wants`` when to gather them, and receives them in ``predicted``, on every process.
    """

    def __init__(self) -> None:
        self._log_probabilities: list[Tensor] | None = None

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Return whether to gather the ``val`` or ``test`` stage that starts; the same on all processes."""
        raise NotImplementedError

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Receive the predictions; called on every process."""
        raise NotImplementedError

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to collect, unless this is Lightning's sanity check before the training."""
        wanted = not trainer.sanity_checking and self.wants(trainer, "val")
        self._log_probabilities = [] if wanted else None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to collect."""
        self._log_probabilities = [] if self.wants(trainer, "test") else None

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Keep the log-probabilities of a batch."""
        if self._log_probabilities is not None:
            self._log_probabilities.append(outputs)

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        """Keep the log-probabilities of a batch."""
        if self._log_probabilities is not None:
            self._log_probabilities.append(outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather what was collected."""
        self._gather(trainer, pl_module, "val", trainer.val_dataloaders)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather what was collected."""
        self._gather(trainer, pl_module, "test", trainer.test_dataloaders)

    def _gather(self, trainer: Trainer, pl_module: LightningModule, stage: str, loader: Any) -> None:
        if self._log_probabilities is not None:
            predictions = gather(torch.cat(self._log_probabilities), loader, trainer.world_size)
            self._log_probabilities = None
            self.predicted(trainer, pl_module, stage, predictions)


def gather(log_probabilities: Tensor, loader: DataLoader[Any], processes: int) -> Predictions:
    """Combine the log-probabilities of all processes, in the order of the data set, each image once.

    Args:
        log_probabilities: (n, 10), of the images of this process, in the order of its loader.
        loader: its sampler has the indices of these images.
        processes: number of processes.
    """
    order = torch.tensor(list(loader.sampler)[: len(log_probabilities)], device=log_probabilities.device)
    if processes > 1:
        log_probabilities = torch.cat(gather_all_tensors(log_probabilities))
        order = torch.cat(gather_all_tensors(order))
    order, places = order.cpu().sort()
    confidences, digits = log_probabilities.cpu()[places].float().exp().max(dim=1)
    dataset: Any = loader.dataset
    columns = dataset.images[order], dataset.targets[order], digits, confidences
    return Predictions(*(column.numpy() for column in columns))


def on_first_process(trainer: Trainer, found: AnyFound) -> list[AnyFound]:
    """Gather an object of each process: a list by rank on the first process, empty on the others."""
    if trainer.world_size == 1:
        return [found]
    parts: list[Any] | None = [None] * trainer.world_size if trainer.is_global_zero else None
    torch.distributed.gather_object(found, parts)
    return parts or []
