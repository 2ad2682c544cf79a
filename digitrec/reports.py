"""What a run shows about its network: figures and final metrics in TensorBoard, the report of a test."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics.utilities.distributed import gather_all_tensors

from digitrec import figures, measures
from digitrec.measures import Array

ABOUT_THE_MACHINE = frozenset({"data_dir", "num_workers", "eval_batch_size", "_instantiator"})
"""Hyperparameters of the data that change no result."""


class Predictions(NamedTuple):
    """Images in the order of their data set, and what the network makes of them."""

    images: Array  # uint8 (N, 28, 28)
    labels: Array  # (N,), as are the others
    digits: Array
    confidences: Array  # 0 to 1


class PredictionCollector(Callback):
    """Gather what the network says of each image of a validation or test, over all processes.

    A subclass says when in ``wants`` and gets it in ``predicted``, on every process; rank 0 should write.
    """

    def __init__(self) -> None:
        self._log_probabilities: list[Tensor] | None = None

    def wants(self, trainer: Trainer, stage: str) -> bool:
        """Say whether the validation (``val``) or ``test`` that starts is of interest: on all processes."""
        raise NotImplementedError

    def predicted(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, predictions: Predictions
    ) -> None:
        """Use what was gathered; called on every process."""
        raise NotImplementedError

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collect, unless this is only Lightning's check of a few batches before the training."""
        wanted = not trainer.sanity_checking and self.wants(trainer, "val")
        self._log_probabilities = [] if wanted else None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collect where the test is of interest."""
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
        """Hand over what was collected."""
        self._hand_over(trainer, pl_module, "val", trainer.val_dataloaders)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand over what was collected."""
        self._hand_over(trainer, pl_module, "test", trainer.test_dataloaders)

    def _hand_over(self, trainer: Trainer, pl_module: LightningModule, stage: str, loader: Any) -> None:
        if self._log_probabilities is not None:
            predictions = gathered(torch.cat(self._log_probabilities), loader, trainer.world_size)
            self._log_probabilities = None
            self.predicted(trainer, pl_module, stage, predictions)


def gathered(log_probabilities: Tensor, loader: DataLoader[Any], processes: int) -> Predictions:
    """Put together what each process found, in the order of the data set, each image once.

    Args:
        log_probabilities: (n, 10), of the images that the loader of this process gave, in its order.
        loader: its sampler says which images of its data set those are.
        processes: how many there are.
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
        """Log what the run was made of, and what came of it."""
        self._log_hyperparameters(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what was tested, and what came of it."""
        self._log_hyperparameters(trainer, pl_module)

    def _log_hyperparameters(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger = board(trainer)
        if logger is None or not trainer.is_global_zero:
            return
        metrics = {name: 0.0 for name in trainer.callback_metrics if name.endswith(("/loss", "/acc"))}
        from torch.utils.tensorboard.summary import hparams  # here: it loads TensorBoard

        # Only the metrics' names count: the tab shows the last value of each curve. Lightning's
        # log_hyperparams would add a point to it.
        summaries = hparams(hyperparameters(trainer, pl_module), metrics)  # type: ignore[no-untyped-call]
        for summary in summaries:
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
    """All that a run was made of, flat: ``optimizer`` is a class's name, ``optimizer.lr`` its argument."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    chosen = {key: value for key, value in data.hparams.items() if key not in ABOUT_THE_MACHINE}
    run = {"seed": os.environ.get("PL_GLOBAL_SEED"), "max_epochs": trainer.max_epochs}
    everything = {**pl_module.hparams, **chosen, **run}
    everything.pop("_instantiator", None)
    return dict(_flat("", everything))


def _flat(name: str, value: Any) -> Iterator[tuple[str, str | float]]:
    if isinstance(value, Namespace):
        value = value.as_dict()
    if isinstance(value, dict) and "class_path" in value:
        yield name, value["class_path"].rpartition(".")[2]
        value = value.get("init_args", {})
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
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
