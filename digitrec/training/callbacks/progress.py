"""What a run prints: a progress bar, a line for each epoch, how it ended, metrics of an evaluation."""

import shlex
import sys
import time
from collections.abc import Iterable
from typing import IO, Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm, convert_inf
from lightning.pytorch.trainer.states import TrainerFn
from tqdm import tqdm

from digitrec.training.runs.folder import run_folder, short


class EpochProgressBar(TQDMProgressBar):
    """A progress bar that counts epochs from 1, as the lines of Progress do, and leaves only these lines.

    It is drawn on a terminal only.

    Args:
        refresh_rate: batches after which it is drawn again, which takes a tenth of a small network's step.
    """

    def __init__(self, refresh_rate: int = 100) -> None:
        super().__init__(refresh_rate)

    @property
    def is_enabled(self) -> bool:
        """Whether it is drawn."""
        return super().is_enabled and sys.stdout.isatty()

    def init_train_tqdm(self) -> Tqdm:
        """Return the bar of an epoch."""
        return _fleeting(super().init_train_tqdm())

    def init_validation_tqdm(self) -> Tqdm:
        """Return the bar of a validation."""
        return _fleeting(super().init_validation_tqdm())

    def init_test_tqdm(self) -> Tqdm:
        """Return the bar of a test."""
        return _fleeting(super().init_test_tqdm())

    def init_predict_tqdm(self) -> Tqdm:
        """Return the bar of a prediction."""
        return _fleeting(super().init_predict_tqdm())

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Start the bar anew; Lightning would draw it with the number from 0."""
        self.train_progress_bar.reset()
        self.train_progress_bar.total = convert_inf(self.total_train_batches)
        self.train_progress_bar.initial = 0
        self.train_progress_bar.set_description(_epoch(trainer))

    def get_metrics(self, *args: Any) -> dict[str, int | str | float | dict[str, float]]:
        """Return the metrics, without the end of the run's name."""
        return {name: value for name, value in super().get_metrics(*args).items() if name != "v_num"}


class Progress(Callback):
    """Print a line for each epoch, and at the end the best metric, its checkpoint and the next command."""

    def __init__(self) -> None:
        self._began = 0.0
        self._validated = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the size of the network."""
        network: Any = pl_module.network
        size = sum(each.numel() for each in network.parameters())
        say(trainer, f"{type(network).__name__}: {size:,} parameters")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of an epoch."""
        self._began, self._validated = time.monotonic(), False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember that there are new metrics; print those of ``validate``."""
        self._validated = not trainer.sanity_checking
        if trainer.state.fn == TrainerFn.VALIDATING:
            say(trainer, _metrics(trainer, ["val/"]))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the metrics of the epoch."""
        stages = ["train/loss", "val/"] if self._validated else ["train/loss"]
        seconds = time.monotonic() - self._began
        say(trainer, f"{_epoch(trainer)}: {_metrics(trainer, stages)}  ({seconds:.0f} s)")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print how the run ended."""
        folder = run_folder(trainer)  # a collective operation
        saved = [each for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
        best = next((each for each in saved if each.monitor and each.best_model_path), None)
        path = next((each.best_model_path for each in ([best] if best else reversed(saved))), "")
        lines = [f"Finished after epoch {trainer.current_epoch}, step {trainer.global_step}."]
        if best is not None and best.best_model_score is not None:
            lines[0] += f" Best {best.monitor}: {best.best_model_score:#.4g}"
        if folder is not None:
            lines.append(f"Run:        {short(folder)}")
        if path:
            tests = type(pl_module).test_step is not LightningModule.test_step
            command = "digitrec test" if tests else "digitrec detector validate"
            lines += [
                f"Checkpoint: {short(path)}",
                f"Next:       {command} --ckpt_path {shlex.quote(str(short(path)))}",
            ]
        say(trainer, "\n".join(lines))


def say(trainer: Trainer, text: str, file: IO[str] | None = None) -> None:
    """Print on the first process, above the progress bar if there is one; on standard output by default."""
    if trainer.is_global_zero:
        bar = trainer.progress_bar_callback
        if isinstance(bar, TQDMProgressBar) and bar.is_enabled:
            tqdm.write(text, file=file)
        else:
            print(text, file=file)


def _fleeting(bar: Tqdm) -> Tqdm:
    bar.leave = False
    return bar


def _epoch(trainer: Trainer) -> str:
    """Return the number of the epoch, from 1, and of how many."""
    epochs = f"/{trainer.max_epochs}" if (trainer.max_epochs or -1) > 0 else ""
    return f"Epoch {trainer.current_epoch + 1}{epochs}"


def _metrics(trainer: Trainer, prefixes: Iterable[str]) -> str:
    values = trainer.callback_metrics.items()
    chosen = [(name, value) for prefix in prefixes for name, value in values if name.startswith(prefix)]
    return ", ".join(f"{name} {float(value):#.4g}" for name, value in chosen)
