"""Checks before a training, so that a mistake in the config is reported before the first step."""

from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from digitrec.training.compat.loops import unscales_itself
from digitrec.training.optimization import OptimizedModule
from digitrec.training.trial import config_errors


def try_out(model: OptimizedModule, val_size: int, trainer: Trainer) -> None:
    """Try a step, build the schedule once, and check the monitors.

    Args:
        model: the model to be trained; it is not changed.
        val_size: number of held-out images; without any there is no ``val/`` metric to monitor.
        trainer: the trainer with its callbacks.

    Raises:
        MisconfigurationException: the run would fail, at its first step or later.
    """
    optimizer = model.try_step(trainer.precision_plugin)
    _refuse_clipping(optimizer, trainer)
    monitoring: list[Any] = trainer.early_stopping_callbacks
    if model.scheduler is not None:
        with config_errors(f"model.scheduler, by the {model.scheduler_interval}: "):
            scheduler: Any = model.build_scheduler(optimizer, total_steps=1)
        if isinstance(scheduler, ReduceLROnPlateau) and not hasattr(scheduler, "monitor"):
            raise MisconfigurationException(
                "model.scheduler: torch's ReduceLROnPlateau has no monitor; use "
                "lightning.pytorch.cli.ReduceLROnPlateau with a monitor."
            )
        monitoring.append(scheduler)
    for callback in monitoring:
        if not val_size and str(getattr(callback, "monitor", "")).startswith("val/"):
            raise MisconfigurationException(
                f"{type(callback).__name__} monitors {callback.monitor}, but data.val_size is 0."
            )


def _refuse_clipping(optimizer: Optimizer, trainer: Trainer) -> None:
    if unscales_itself(optimizer) and trainer.gradient_clip_val and trainer.precision == "16-mixed":
        raise MisconfigurationException(
            "trainer.gradient_clip_val does not work with a fused optimizer in 16-mixed, since that undoes "
            "the loss scaling itself: set model.optimizer.init_args.fused false, or precision bf16-mixed."
        )
