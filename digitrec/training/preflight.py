"""Checks before a training, so that a mistake in the config is reported before the first step."""

from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LearningRateFinder, ModelCheckpoint
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from digitrec.training.compat.loops import unscales_itself
from digitrec.training.optimization import OptimizedModule
from digitrec.training.trial import config_errors, trial_precision


def try_out(model: OptimizedModule, val_size: int, trainer: Trainer) -> None:
    """Try a step, build the schedule once, and check the monitors.

    Args:
        model: the model to be trained; it is not changed.
        val_size: number of held-out images; without any there is no ``val/`` metric to monitor.
        trainer: the trainer with its callbacks.

    Raises:
        MisconfigurationException: the run would fail, at its first step or later.
    """
    if trainer.precision == "16-true":
        raise MisconfigurationException(
            "trainer.precision 16-true has no loss scaling, so small gradients are lost and the training "
            "diverges: use 16-mixed, bf16-true or bf16-mixed."
        )
    optimizer = model.try_step(trial_precision(trainer))
    _refuse_clipping(optimizer, trainer)
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    monitoring = list(callbacks)
    if model.scheduler is not None:
        with config_errors(f"model.scheduler, by the {model.scheduler_interval}: "):
            scheduler: Any = model.build_scheduler(optimizer, total_steps=1)
        if isinstance(scheduler, ReduceLROnPlateau) and not hasattr(scheduler, "monitor"):
            raise MisconfigurationException(
                "model.scheduler: torch's ReduceLROnPlateau has no monitor; use "
                "lightning.pytorch.cli.ReduceLROnPlateau with a monitor."
            )
        monitoring.append(scheduler)
    # A callback from elsewhere may log anything.
    known = all(
        type(each).__module__.startswith(("lightning.", "digitrec.", "torch.")) for each in monitoring
    )
    logged = model.monitored if known else []
    validates = {"data.val_size": val_size, "trainer.limit_val_batches": trainer.limit_val_batches}
    for each in monitoring:
        _refuse(each)
        _check_monitor(each, logged, [key for key, size in validates.items() if not size])


def _refuse(callback: Any) -> None:
    if isinstance(callback, LearningRateFinder):
        raise MisconfigurationException(
            "LearningRateFinder changes an attribute of the model, but the learning rate is an argument of "
            "model.optimizer: search for it with python -m scripts.sweep."
        )


def _check_monitor(each: Any, logged: list[str], without: list[str]) -> None:
    """Refuse a monitor that is never logged.

    Without validation a ModelCheckpoint saves nothing, and the last epoch is the result.
    """
    name, monitor = type(each).__name__, getattr(each, "monitor", None)
    if isinstance(each, ModelCheckpoint):
        without, logged = [], [*logged, "epoch", "step"] if logged else []
    if monitor is not None and logged and monitor not in logged:
        raise MisconfigurationException(
            f"{name} monitors {monitor}, which is not logged: choose one of {', '.join(logged)}."
        )
    if without and str(monitor).startswith("val/"):
        raise MisconfigurationException(f"{name} monitors {monitor}, but {without[0]} is 0.")


def _refuse_clipping(optimizer: Optimizer, trainer: Trainer) -> None:
    if unscales_itself(optimizer) and trainer.gradient_clip_val and trainer.precision == "16-mixed":
        raise MisconfigurationException(
            "trainer.gradient_clip_val does not work with a fused optimizer in 16-mixed, since that undoes "
            "the loss scaling itself: set model.optimizer.init_args.fused false, or precision bf16-mixed."
        )
