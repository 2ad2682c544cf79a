"""Hyperparameters of a run as TensorBoard's HParams tab shows them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from digitrec.models.checkpoints import NO_EFFECT, read_checkpoint

SHOWN = ("acc", "loss")
"""Metrics of the validation that the HParams tab shows before all others."""


class Hyperparameters(Callback):
    """Log the hyperparameters when a run starts, so that a run that is stopped has its row, too."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the hyperparameters of the run."""
        data = getattr(trainer.datamodule, "hparams", {})  # type: ignore[attr-defined]  # none from Python
        seed = os.environ.get("PL_GLOBAL_SEED")
        _log_row(trainer, hyperparameters(pl_module.hparams, data, seed, trainer.max_epochs))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log ``val/acc`` and ``val/loss`` for the tab: of the names in alphabetical order it shows five."""
        logger = tensorboard_logger(trainer)
        if logger is None or not trainer.is_global_zero or trainer.sanity_checking:
            return
        metrics = trainer.callback_metrics
        found = {name: metrics[f"val/{name}"] for name in SHOWN if f"val/{name}" in metrics}
        # Capitals come before small letters.
        values = {f"HParams/val_{name}": float(value) for name, value in found.items()}
        logger.log_metrics(values, max(0, trainer.global_step - 1))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Mark the run as finished."""
        _log_row(trainer, {}, ended=True)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the hyperparameters of the training beside the metrics of the test."""
        if not trainer.ckpt_path:  # from Python
            _log_row(trainer, hyperparameters(pl_module.hparams, {}, None, None), ended=True)
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
        # TensorBoard shows the first five columns in alphabetical order: this one should not be among them.
        _log_row(trainer, {**trained, "weights_of": str(path)}, ended=True)


def _log_row(trainer: Trainer, values: dict[str, str | float], ended: bool = False) -> None:
    """Log the start of a row in the HParams tab, if there are values, and its end."""
    logger = tensorboard_logger(trainer)
    if logger is None or not trainer.is_global_zero:
        return
    from torch.utils.tensorboard.summary import hparams  # here: it loads TensorBoard

    # Without the summary of an experiment TensorBoard takes the columns of its table from all runs, those
    # that differ first, and the last value of each curve. With it the columns are those of one run.
    _, start, end = hparams(values, {})  # type: ignore[no-untyped-call]
    for summary in ([start] if values else []) + ([end] if ended else []):
        logger.experiment.file_writer.add_summary(summary)
    logger.experiment.flush()


def tensorboard_logger(trainer: Trainer) -> TensorBoardLogger | None:
    """Return the first logger that takes figures and hyperparameters."""
    return next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)


def hyperparameters(
    model: Mapping[str, Any], data: Mapping[str, Any], seed: int | str | None, max_epochs: int | None
) -> dict[str, str | float]:
    """Flatten the hyperparameters of a run: ``optimizer`` is a class, ``optimizer.lr`` its argument."""
    run = {"seed": None if seed is None else str(seed), "max_epochs": max_epochs}
    # TensorBoard shows the first five columns in alphabetical order: the data should not be among them.
    return dict(_flat("", {**model, **run, "training_data": dict(data)}))


def _flat(name: str, value: Any) -> Iterator[tuple[str, str | float]]:
    if isinstance(value, Namespace):
        value = value.as_dict()
    if isinstance(value, dict) and "class_path" in value:
        yield name, value["class_path"].rpartition(".")[2]
        value = value.get("init_args", {})
    if isinstance(value, dict):
        for key in value.keys() - NO_EFFECT - {"_instantiator"}:
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif value is not None:
        yield name, value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
