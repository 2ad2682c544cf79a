"""What would fail late in a training is tried before it begins, and is said as the user's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from digitrec.training.classifier import DigitClassifier
from digitrec.training.compat.loops import unscales_itself


def try_out(model: DigitClassifier, val_size: int, trainer: Trainer) -> None:
    """Build the optimizer and the schedule once, and look at what is watched.

    Args:
        model: that is to be trained; it stays as it is.
        val_size: images held out; without them there is no ``val/`` to watch.
        trainer: with its callbacks.

    Raises:
        MisconfigurationException: the run would fail, at its first step or later.
    """
    with config_errors("model.optimizer: "):
        optimizer = model.optimizer(model.network.parameters())
    _refuse_clipping(optimizer, trainer)
    watching: list[Any] = trainer.early_stopping_callbacks
    if model.scheduler is not None:
        with config_errors(f"model.scheduler, by the {model.scheduler_interval}: "):
            scheduler: Any = model.build_scheduler(optimizer, total_steps=1)
        if isinstance(scheduler, ReduceLROnPlateau) and not hasattr(scheduler, "monitor"):
            raise MisconfigurationException(
                "model.scheduler: torch's ReduceLROnPlateau does not say what it watches; name "
                "lightning.pytorch.cli.ReduceLROnPlateau with its monitor."
            )
        watching.append(scheduler)
    for watcher in watching:
        if not val_size and str(getattr(watcher, "monitor", "")).startswith("val/"):
            raise MisconfigurationException(
                f"{type(watcher).__name__} watches {watcher.monitor}, but data.val_size is 0."
            )


def _refuse_clipping(optimizer: Optimizer, trainer: Trainer) -> None:
    if unscales_itself(optimizer) and trainer.gradient_clip_val and trainer.precision == "16-mixed":
        raise MisconfigurationException(
            "trainer.gradient_clip_val goes with no fused optimizer in 16-mixed, since that undoes the "
            "loss scaling itself: set model.optimizer.init_args.fused false, or precision bf16-mixed."
        )


@contextmanager
def config_errors(prefix: str = "") -> Iterator[None]:
    """Take what a class refuses for a mistake in the config."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, ImportError) as error:
        raise MisconfigurationException(f"{prefix}{error}") from error
