"""Stopping a run whose loss or weights are not finite."""

import math
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from digitrec.errors import DivergedError

CHANCE = 0.15
"""val/acc of a network that has learned nothing: a tenth, and the chance of a few validation images."""

FEW_STEPS = 100
"""After fewer steps a network need not have learned anything."""


class StopAtDivergence(Callback):
    """End a run whose loss is NaN or infinite, before anything that results from it is saved.

    On one CPU the loss is checked after each step, in less than a microsecond. On a GPU this would make the
    step wait, and several processes would have to communicate: there it is checked at the steps that are
    logged and at the last step of an epoch. The weights are checked before each validation, and by
    LastCheckpoint before it saves.
    """

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of the step.

        Raises:
            DivergedError: it is NaN or infinite in any of the processes.
        """
        loss: torch.Tensor = outputs["loss"]
        alone = trainer.world_size == 1
        if not (alone and loss.is_cpu) and not _is_due(trainer):
            return
        value = loss.item()
        finite = math.isfinite(value)
        if not (finite if alone else trainer.strategy.reduce_boolean_decision(finite)):
            raise _diverged(trainer, f"The loss is {value}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn of a classifier that has learned nothing, although its loss is finite."""
        accuracy = trainer.callback_metrics.get("val/acc")
        if accuracy is None or accuracy > CHANCE or trainer.global_step < FEW_STEPS:
            return
        if trainer.is_global_zero:
            print(
                f"digitrec: warning: val/acc is {accuracy:.2f}, no better than chance: "
                "try a lower learning rate.",
                file=sys.stderr,
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the weights, so that no broken ones are chosen as the best."""
        if not trainer.sanity_checking:
            check_weights(trainer)


def check_weights(trainer: Trainer) -> None:
    """Check every weight: one can be infinite although the loss is finite.

    Raises:
        DivergedError: one is NaN or infinite.
    """
    if not all(bool(weights.isfinite().all()) for weights in trainer.lightning_module.parameters()):
        raise _diverged(trainer, "A weight is NaN or infinite")


def _is_due(trainer: Trainer) -> bool:
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch or is_logged(trainer)


def is_logged(trainer: Trainer) -> bool:
    """Return whether the metrics of the latest step are written."""
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return bool(every) and trainer.global_step % every == 0


def _diverged(trainer: Trainer, what: str) -> DivergedError:
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    written = [
        Path(callback.best_model_path)
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint) and Path(callback.best_model_path).is_file()
    ]
    newest = max(written, key=lambda path: path.stat().st_mtime, default=None)
    left = f"the last good checkpoint is {newest}" if newest else "no checkpoint was written yet"
    return DivergedError(
        f"{what} in epoch {trainer.current_epoch}, step {trainer.global_step}, at a learning rate of "
        f"{rate:.3g}: the training has diverged; {left}."
    )
