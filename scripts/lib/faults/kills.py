"""Process that kills itself at a place: ``python -m scripts.lib.faults.kills PLACE NUMBER FILE fit``."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

from digitrec.cli import DigitCLI
from digitrec.training.messages import ignore_warnings

PLACES = {
    "validation": "in the validation of epoch {}",
    "last-batch": "after the last batch of epoch {}",
    "writing": "in write {} of {}, before it replaces the old file",
    "written": "after write {} of {}",
}
Place = tuple[str, int, str]
"""A key of PLACES, the number of the epoch or write, and the name of the file or an empty string."""


def places(every: int, epoch_steps: int) -> list[Place]:
    """Return the places to kill at; ``last.ckpt`` is written every N steps and at the end of an epoch."""
    end = (epoch_steps - 1) // every + 1
    return [
        *(("validation", epoch, "") for epoch in (0, 2, 4)),
        *(("last-batch", epoch, "") for epoch in (0, 3, 4)),
        *(("writing", number, "last.ckpt") for number in (2, end - 1, end, end + 1)),
        *(("writing", number, "best.ckpt") for number in (1, 2)),
        *(("written", number, "last.ckpt") for number in (1, end, end + 2)),
        ("written", 1, "best.ckpt"),
    ]


class KillAt(Callback):
    """Kill this process at a place.

    Args: see ``Place``.
    """

    def __init__(self, place: str, number: int, file: str) -> None:
        self.place, self.number, self.file, self.count = place, number, file, 0
        if file:
            self._replace, os.replace = os.replace, self._replace_and_kill  # type: ignore[assignment]

    def _replace_and_kill(self, source: Path, target: Path) -> None:
        matches = Path(target).name == self.file
        self.count += matches
        if matches and self.place == "writing" and self.count == self.number:
            os.truncate(source, Path(source).stat().st_size // 2)  # as if killed in the middle of writing
            self._kill_if(self.number)
        self._replace(source, target)
        if matches:
            self._kill_if(self.count)

    def _kill_if(self, number: int) -> None:
        if number == self.number:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self.place == "validation" and not trainer.sanity_checking:
            self._kill_if(trainer.current_epoch)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.place == "last-batch" and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._kill_if(trainer.current_epoch)


class KilledCLI(DigitCLI):
    """DigitCLI that is killed at a place."""

    def __init__(self, args: list[str], kill: KillAt) -> None:
        self.kill = kill
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.insert(0, self.kill)
        return trainer


if __name__ == "__main__":
    ignore_warnings()
    KilledCLI(sys.argv[4:], KillAt(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
