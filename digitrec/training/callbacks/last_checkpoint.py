"""``last.ckpt``: written so often that little is lost, and when the run is asked to stop."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from digitrec.errors import RunStoppedError
from digitrec.training.callbacks.divergence import check_weights, is_logged
from digitrec.training.compat.loops import StepCheckpoint, is_between_steps


class LastCheckpoint(StepCheckpoint):
    """Write ``last.ckpt`` every N steps, at the end of each epoch, and when the run is asked to stop.

    Ctrl-C and SIGTERM ask: the step is finished, with the validation that belongs to it, ``last.ckpt`` is
    written and the run ends by RunStoppedError. A second Ctrl-C leaves at once.

    A step's checkpoint is put off to the next step where the run could not go on from it exactly: before a
    validation, which Lightning would skip, and inside an accumulated batch, whose gradients are not saved.

    Args:
        every_n_train_steps: N, counted in optimizer steps; 0 writes at the end of epochs only.
    """

    def __init__(self, every_n_train_steps: int = 300) -> None:
        super().__init__(
            filename="last", every_n_train_steps=every_n_train_steps, enable_version_counter=False
        )
        self._due = False
        self._signal: int | None = None
        self._agreed = False  # of several processes
        self._leaving = False
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over Ctrl-C and SIGTERM; Lightning's own handlers would leave between two counters."""
        super().on_train_start(trainer, pl_module)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._ask)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave, if the epoch before was the last."""
        self._leave(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Leave, if the step before was the last; by now its metrics are logged, too."""
        self._leave(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write ``last.ckpt`` if it is due, or the run is to stop."""
        every = self.every_n_train_steps
        self._due = self._due or (every > 0 and trainer.global_step % every == 0)
        asked = self._is_asked(trainer, now=is_logged(trainer))
        if (self._due or asked) and _can_be_resumed(trainer):
            self._save(trainer)
            self._leaving = asked

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write ``last.ckpt`` after validation, and after all others that count epochs."""
        self._save(trainer)
        self._leaving = self._is_asked(trainer, now=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write nothing yet: the epoch has not ended."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the signals back."""
        self._release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back. What is in memory may be between two counters, so it is not saved."""
        self._release()

    def _save(self, trainer: Trainer) -> None:
        self._due = False
        if not self.skips_saving(trainer):
            check_weights(trainer)
            self.save(trainer)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    def _is_asked(self, trainer: Trainer, now: bool) -> bool:
        """Whether the run is to stop; several processes agree on it only ``now`` and then."""
        asked = self._signal is not None
        if trainer.world_size == 1:
            return asked
        if now:
            self._agreed = trainer.strategy.reduce_boolean_decision(asked, all=False)
        return self._agreed

    def _leave(self, trainer: Trainer) -> None:
        if not self._leaving:
            return
        path = Path(self.best_model_path)
        config = path.parent.parent / "config.yaml"
        same = f"--config {config}" if config.is_file() else "with the same config"
        raise RunStoppedError(
            f"Stopped after step {trainer.global_step}. "
            f"Go on with: python -m digitrec fit {same} --ckpt_path {path}",
            status=128 + (self._signal or signal.SIGTERM),
        )

    def _release(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()


def _can_be_resumed(trainer: Trainer) -> bool:
    # A logged step's metrics are written after this hook: a kill in between would lose a point of the curve.
    # Where every step is logged there is no better one.
    unlogged = trainer.log_every_n_steps == 1 or not is_logged(trainer)  # type: ignore[attr-defined]
    return unlogged and is_between_steps(trainer)
