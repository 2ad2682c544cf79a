"""``last.ckpt``: written so often that little is lost, and when the run is asked to stop."""

import shlex
import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from digitrec.errors import RunStoppedError
from digitrec.training.callbacks.divergence import check_weights, is_logged
from digitrec.training.compat.loops import StepCheckpoint, is_between_steps
from digitrec.training.runs.folder import short


class LastCheckpoint(StepCheckpoint):
    """Write ``last.ckpt`` every N steps, at the end of each epoch, and when the run is asked to stop.

    Ctrl-C and SIGTERM ask it to stop: the step is finished, with the validation that follows it,
    ``last.ckpt`` is written, and the run ends with RunStoppedError. A second Ctrl-C ends it at once.

    A checkpoint is postponed to the next step if the run could not be resumed from it exactly: before a
    validation, which Lightning would skip, and inside an accumulated batch, whose gradients are not saved.

    Args:
        every_n_train_steps: N, in optimizer steps; 0 writes at the end of epochs only.
    """

    def __init__(self, every_n_train_steps: int = 300) -> None:
        super().__init__(
            filename="last", every_n_train_steps=every_n_train_steps, enable_version_counter=False
        )
        self._due = False
        self._signal: int | None = None
        self._agreed = False  # that of several processes one was asked
        self._stops = False
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Handle Ctrl-C and SIGTERM; Lightning's handlers would stop when the counters disagree."""
        super().on_train_start(trainer, pl_module)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._ask)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, if the epoch before was to be the last."""
        self._stop(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop, if the step before was to be the last; by now its metrics are logged, too."""
        self._stop(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write ``last.ckpt`` if it is due or the run is to stop."""
        every = self.every_n_train_steps
        self._due = self._due or (every > 0 and trainer.global_step % every == 0)
        asked = self._is_asked(trainer, now=is_logged(trainer))
        if (self._due or asked) and _can_be_resumed(trainer):
            self._save(trainer)
            self._stops = asked

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write ``last.ckpt`` after the validation and after all callbacks that count epochs."""
        self._save(trainer)
        self._stops = self._is_asked(trainer, now=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write nothing yet: the epoch has not ended."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the signal handlers."""
        self._restore_handlers()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the signal handlers. Nothing is saved: the counters may disagree."""
        self._restore_handlers()

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
        """Whether the run is to stop; several processes agree on it only if ``now`` is true."""
        asked = self._signal is not None
        if trainer.world_size == 1:
            return asked
        if now:
            self._agreed = trainer.strategy.reduce_boolean_decision(asked, all=False)
        return self._agreed

    def _stop(self, trainer: Trainer) -> None:
        if not self._stops:
            return
        path = short(self.best_model_path)
        config = path.parent.parent / "config.yaml"
        same = shlex.join(["--config", str(config)]) if config.is_file() else "with the same config"
        raise RunStoppedError(
            f"Stopped after step {trainer.global_step}. "
            f"Resume it with: digitrec fit {same} {shlex.join(['--ckpt_path', str(path)])}",
            status=128 + (self._signal or signal.SIGTERM),
        )

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()


def _can_be_resumed(trainer: Trainer) -> bool:
    # A logged step's metrics are written after this hook: a kill in between would lose a point of the curve.
    # Where every step is logged there is no better one.
    unlogged = trainer.log_every_n_steps == 1 or not is_logged(trainer)  # type: ignore[attr-defined]
    return unlogged and is_between_steps(trainer)
