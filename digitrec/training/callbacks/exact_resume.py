"""Exact resume: the remaining batches of the epoch, with the same random numbers."""

import math
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer

from digitrec.data.samplers import ShuffledSampler
from digitrec.data.seeds import mix_seed
from digitrec.training.compat.loops import refetch


class ExactResume(Callback):
    """Make the rest of a run a function of its checkpoint and its seed, whether it was stopped or not.

    No state of a random generator is saved: each step seeds the generators. The order of the images of an
    epoch is a function of the seed and the epoch; a resumed epoch skips the images that were seen.

    Args:
        decisive: the part of the trainer's config that must stay the same; checkpoints store it.
        threads: PyTorch's, which must stay the same, too; a number or ``all``.
    """

    def __init__(self, decisive: dict[str, Any], threads: int | str = 1) -> None:
        self._seed = 0
        self._threads = threads
        self._decisive = decisive
        self._known: dict[str, Any] = {}  # the state in the checkpoint
        self._state: dict[str, Any] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Remember the seed of the run."""
        self._seed = torch.initial_seed()

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must agree with.

        The keys are ``seed``, ``processes``, ``epoch_steps`` (optimizer steps per epoch), ``max_epochs``,
        ``trainer`` (the decisive part of its config), ``threads`` and ``versions`` (of the loggers).
        """
        return self._state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state of the checkpoint."""
        self._known = state_dict

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Skip the images that were seen in the epoch of the checkpoint.

        Raises:
            MisconfigurationException: early stopping has ended the run, or the number of processes differs.
        """
        for stopper in trainer.early_stopping_callbacks:
            if stopper.wait_count >= stopper.patience:
                raise MisconfigurationException(
                    f"There is nothing to resume: early stopping ended the run, {stopper.wait_count} epochs "
                    f"without a better {stopper.monitor}. Give it more patience."
                )
        batches = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
        self._state = {
            "seed": self._seed,
            "processes": trainer.world_size,
            "epoch_steps": batches,
            "max_epochs": trainer.max_epochs,
            "trainer": self._decisive,
            "threads": self._threads,
            "versions": [logger.version for logger in trainer.loggers],
        }
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress
        done = 0 if progress.is_last_batch else progress.current.processed
        if done and self._known.get("processes", trainer.world_size) != trainer.world_size:
            raise MisconfigurationException(
                f"The checkpoint was written by {self._known['processes']} processes inside an epoch, and "
                f"{trainer.world_size} cannot continue it: set trainer.devices."
            )
        loader: Any = trainer.train_dataloader
        if not trainer.global_step or not isinstance(loader.sampler, ShuffledSampler):
            return
        epochs: Any = trainer.fit_loop.epoch_progress
        loader.sampler.set_epoch(epochs.current.processed)
        loader.sampler.skip = done * loader.batch_size
        if loader.num_workers:
            refetch(trainer)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch's generators, which dropout uses, for the batch."""
        seed = mix_seed(self._seed, trainer.fit_loop.total_batch_idx, trainer.global_rank)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes a sixth of a step
        if pl_module.device.type != "cpu":
            torch.get_device_module(pl_module.device).manual_seed(seed)
