"""Saving the whole config of a run."""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback

from digitrec.files import replacing
from digitrec.training.runs.folder import run_folder

WRITTEN_AT_START = ("config.yaml", "hparams.yaml", "events.out.tfevents", "metrics.csv")
"""Beginnings of the names of files that a run has before its first step."""


class RunConfig(SaveConfigCallback):
    """Save the whole config into the run folder; without a logger there is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began = time.time() - 1  # file systems round the times of files
        self._started: Path | None = None  # the folder of a new run

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save ``config.yaml`` before the run starts.

        Raises:
            MisconfigurationException: the folder is that of another run.
        """
        folder = run_folder(trainer)
        if folder is None or not trainer.is_global_zero or self._continues(folder):
            return
        if (folder / self.config_filename).exists():
            raise MisconfigurationException(f"{folder} is the folder of another run: choose another --name.")
        self._started = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._save(folder, self.config)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace the config of a run that is resumed, now that nothing can refuse it any more."""
        folder = run_folder(trainer)
        if folder is not None and trainer.is_global_zero and self._continues(folder):
            config = self.config.clone()
            config.ckpt_path = config.weights_only = None  # the run could be repeated without it
            self._save(folder, config)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the folder of a run that failed before its first step: ``test`` would look into it."""
        if self._started is None or trainer.global_step or not trainer.is_global_zero:
            return
        files = [path for path in self._started.rglob("*") if path.is_file()]
        ours = (
            each.name.startswith(WRITTEN_AT_START) and each.stat().st_mtime > self._began for each in files
        )
        if all(ours):
            shutil.rmtree(self._started, ignore_errors=True)
            with suppress(OSError):  # other runs are in it
                self._started.parent.rmdir()

    def _continues(self, folder: Path) -> bool:
        checkpoint = self.config.get("ckpt_path")
        return checkpoint is not None and Path(checkpoint).parent.parent.resolve() == folder.resolve()

    def _save(self, folder: Path, config: Namespace) -> None:
        with replacing(folder / self.config_filename) as file:
            file.write(self.parser.dump(config, skip_none=False).encode())
