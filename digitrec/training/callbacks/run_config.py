"""Saving the whole config of a run."""

from pathlib import Path

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback

from digitrec.files import replacing
from digitrec.training.runs.folder import run_folder


class RunConfig(SaveConfigCallback):
    """Save the whole config into the run folder; without a logger there is none."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save ``config.yaml`` before the run starts.

        Raises:
            MisconfigurationException: the folder is that of another run.
        """
        folder = run_folder(trainer)
        if folder is None or not trainer.is_global_zero or self._continues(folder):
            return
        if (folder / self.config_filename).exists():
            raise MisconfigurationException(
                f"{folder} is the folder of another run: give the logger a new one."
            )
        folder.mkdir(parents=True, exist_ok=True)
        self._save(folder, self.config)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace the config of a run that is resumed, now that nothing can refuse it any more."""
        folder = run_folder(trainer)
        if folder is not None and trainer.is_global_zero and self._continues(folder):
            config = self.config.clone()
            config.ckpt_path = config.weights_only = None  # the run could be repeated without it
            self._save(folder, config)

    def _continues(self, folder: Path) -> bool:
        checkpoint = self.config.get("ckpt_path")
        return checkpoint is not None and Path(checkpoint).parent.parent.resolve() == folder.resolve()

    def _save(self, folder: Path, config: Namespace) -> None:
        with replacing(folder / self.config_filename) as file:
            file.write(self.parser.dump(config, skip_none=False).encode())
