"""Saving the whole config of a run."""

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn

from digitrec.files import replacing
from digitrec.training.runs.folder import run_folder


class RunConfig(SaveConfigCallback):
    """Save the whole config as ``config.yaml`` in the run folder; without a logger there is none."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save the config of an evaluation."""
        if trainer.state.fn != TrainerFn.FITTING:
            self._save(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the config of a training, now that nothing can refuse it any more."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        folder = run_folder(trainer)  # a collective operation
        if folder is None or not trainer.is_global_zero:
            return
        config = self.config.clone()
        if config.ckpt_path and Path(config.ckpt_path).parent.parent.resolve() == folder.resolve():
            config.ckpt_path = config.weights_only = None  # a resumed run could be repeated without it
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / self.config_filename) as file:
            file.write(self.parser.dump(config, skip_unset=False).encode())
