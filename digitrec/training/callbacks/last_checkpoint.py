"""How checkpoints get onto the disk: whole or not at all, and ``last.ckpt`` often enough to lose nothing."""

import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from digitrec.models.checkpoints import CheckpointError
from digitrec.training.callbacks.divergence import RunStoppedError, check_weights, is_logged


@contextmanager
def replacing(path: Path, shared: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when the block ends well; else the old one stays.

    Written beside it: a rename is atomic on one file system only, and TMPDIR may be on another.

    Args:
        path: the file, in a folder that is there.
        shared: several processes may write it at once, so each writes under a name of its own. Else the name
            is always the same, so that what a kill leaves behind is overwritten and not piled up.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp" if shared else f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - the atomic one
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not say of which file
            error.filename = os.fspath(path)
        raise


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's reading, and writing that a kill or a full disk cannot make a broken checkpoint of."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint in place of the one that is there.

        Raises:
            CheckpointError: it cannot be written; the earlier one is still there.
        """
        target = Path(path)
        content = io.BytesIO()  # PyTorch makes a RuntimeError of its own of a full disk
        torch.save(checkpoint, content)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(content.getbuffer())
        except OSError as error:
            stays = " The one written before is still there." if target.exists() else ""
            raise CheckpointError(f"{target} cannot be written: {error.strerror}.{stays}") from error


class LastCheckpoint(ModelCheckpoint):
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
        every = self._every_n_train_steps
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
        if not self._should_skip_saving_checkpoint(trainer):
            check_weights(trainer)
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

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
    loop = trainer.fit_loop.epoch_loop
    # A logged step's metrics are written after this hook: a kill in between would lose a point of the curve.
    # Where every step is logged there is no better one.
    unlogged = trainer.log_every_n_steps == 1 or not is_logged(trainer)  # type: ignore[attr-defined]
    fetcher: Any = trainer.fit_loop._data_fetcher
    validates = loop.batch_progress.is_last_batch or loop._should_check_val_fx(fetcher)
    return unlogged and not validates and not loop._should_accumulate()
