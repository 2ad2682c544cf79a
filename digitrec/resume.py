"""A run that goes on where it was stopped: in its folder, with the batches that were to come."""

import hashlib
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer

from digitrec.checkpoints import CheckpointError, differences, shown
from digitrec.samplers import ShuffledSampler

TENSORBOARD = "lightning.pytorch.loggers.TensorBoardLogger"


class ExactResume(Callback):
    """Make the rest of a run a function of its checkpoint and its seed, whether it was stopped there or not.

    No state of a random generator is saved: each step starts them anew. The order of an epoch's images is a
    function of the seed and the epoch, of which the first are left out that a checkpoint has seen.
    """

    def __init__(self) -> None:
        self._seed = 0
        self._known: dict[str, int] = {}  # of the checkpoint
        self._state: dict[str, int] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Remember the seed of the run."""
        self._seed = torch.initial_seed()

    def state_dict(self) -> dict[str, int]:
        """What a resumed run must not change: ``seed``, ``processes``, ``epoch_steps`` of the optimizer."""
        return self._state

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Remember what the checkpoint says."""
        self._known = state_dict

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out the images that the checkpoint's epoch has already seen.

        Raises:
            MisconfigurationException: early stopping has ended the run, or its processes are others now.
        """
        for stopper in trainer.early_stopping_callbacks:
            if stopper.wait_count >= stopper.patience:
                raise MisconfigurationException(
                    f"There is nothing to resume: early stopping ended the run, {stopper.wait_count} epochs "
                    f"without a better {stopper.monitor}. Give it more patience."
                )
        batches = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
        self._state = {"seed": self._seed, "processes": trainer.world_size, "epoch_steps": batches}
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress
        done = 0 if progress.is_last_batch else progress.current.processed
        if done and self._known.get("processes", trainer.world_size) != trainer.world_size:
            raise MisconfigurationException(
                f"The checkpoint was written by {self._known['processes']} processes inside an epoch, and "
                f"{trainer.world_size} cannot go on with it: set trainer.devices."
            )
        loader: Any = trainer.train_dataloader
        if not trainer.global_step or not isinstance(loader.sampler, ShuffledSampler):
            return
        epochs: Any = trainer.fit_loop.epoch_progress
        loader.sampler.set_epoch(epochs.current.processed)
        loader.sampler.skip = done * loader.batch_size
        if loader.num_workers and trainer.fit_loop._data_fetcher is not None:
            iter(trainer.fit_loop._data_fetcher)  # the processes had fetched ahead before this was known

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start torch's random numbers, as dropout takes them, anew for the batch."""
        key = self._seed, trainer.fit_loop.total_batch_idx, trainer.global_rank
        seed = int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest(), "big")
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes a sixth of a step
        if pl_module.device.type != "cpu":
            torch.get_device_module(pl_module.device).manual_seed(seed)


_NO_IMAGES = frozenset({"data_dir", "eval_batch_size", "num_workers", "pictures"})
"""Keys of the data that change no training image and no order of them."""


def check_resume(config: dict[str, Any], checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse a ``fit`` that could not go on as the run of its checkpoint would have.

    Args:
        config: of ``fit``, with ``seed_everything``, ``data`` and ``trainer``.
        checkpoint: as ``read_checkpoint`` gives it.
        path: where it was read, for the message.

    Raises:
        CheckpointError: another seed, other images inside an epoch, no epochs left, or more of them
            than the schedule was planned for.
    """
    known = checkpoint.get("callbacks", {}).get(ExactResume.__name__, {})
    seed = config["seed_everything"]
    if known and seed is not False and (seed is True or seed != known["seed"]):  # true draws a new one
        raise CheckpointError(
            f"seed_everything is {seed} but {known['seed']} in the checkpoint {path}: the images would come "
            f"in another order. Say --seed_everything {known['seed']}."
        )
    data = {key: value for key, value in config["data"].items() if key not in _NO_IMAGES}
    changed = (
        [] if _ends_an_epoch(checkpoint) else differences(data, checkpoint["datamodule_hyper_parameters"])
    )
    for key, given, before in changed:
        raise CheckpointError(
            f"data.{key} is {shown(given)} but {shown(before)} in the checkpoint {path}, from inside "
            f"an epoch: the rest of it would be other images. Say --data.{key} {shown(before)}."
        )
    _check_length(config["trainer"], checkpoint, known, path)


def _ends_an_epoch(checkpoint: dict[str, Any]) -> bool:
    progress = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_loop.batch_progress", {})
    return bool(progress.get("is_last_batch", True))


def _check_length(
    trainer: dict[str, Any], checkpoint: dict[str, Any], known: dict[str, int], path: Path
) -> None:
    """A run is resumed towards its own end: its epochs, and the schedule that was planned for them."""
    max_epochs = trainer["max_epochs"]
    if max_epochs is None and trainer["max_steps"] == -1 and trainer["max_time"] is None:
        config = path.parent.parent / "config.yaml"  # where RunConfig puts it
        raise CheckpointError(
            f"The checkpoint {path} knows its model but not how long to train: say it with "
            f"--config {config if config.exists() else 'configs/mlp.yaml'}."
        )
    steps, whole = checkpoint.get("global_step"), _ends_an_epoch(checkpoint)
    if not max_epochs or max_epochs < 0 or not steps:
        return
    epochs = checkpoint["epoch"] + whole
    epoch_steps = known.get("epoch_steps") or (steps // epochs if whole else 0)
    planned = next((schedule.get("total_steps") for schedule in checkpoint["lr_schedulers"]), None)
    if planned and max_epochs * epoch_steps > planned:
        raise CheckpointError(
            f"trainer.max_epochs is {max_epochs}, but the learning-rate schedule in {path} ends with epoch "
            f"{planned // epoch_steps}: a longer run starts anew, without --ckpt_path."
        )
    if max_epochs <= epochs:
        raise CheckpointError(
            f"There is nothing to resume: trainer.max_epochs is {max_epochs}, and {path} was trained for "
            f"{epochs}. Give more."
        )


def own_logger(config: Namespace) -> Namespace | None:
    """Find the logger of a ``fit`` config that can write on in the run folder of its ``ckpt_path``.

    Only for ``last.ckpt``: what starts from another checkpoint is another run, and would overwrite this one.

    Returns:
        The logger's part of the config; None where a new folder is to be made.
    """
    logger, path = config.trainer.logger, Path(config.ckpt_path)
    if isinstance(logger, list) and logger:
        logger = logger[0]  # Lightning puts the checkpoints into the folder of the first
    if path.name != "last.ckpt" or not isinstance(logger, Namespace) or logger.class_path != TENSORBOARD:
        return None
    args, run = logger.init_args, path.parent.parent
    runs = Path(args.save_dir or ".").expanduser() / (args.name or "")
    if runs.resolve() != run.parent.resolve() or args.version not in (None, run.name, _version(run)):
        return None
    return logger


@contextmanager
def writing_on(config: Namespace, step: int) -> Iterator[None]:
    """Let the logger that is built in the block write on in the folder of the config's run, if it can.

    TensorBoard drops the points from ``step`` on that the run had logged before it was stopped. The config
    itself stays as it was: it is that of the whole run.
    """
    logger = own_logger(config)
    if logger is None:
        yield
        return
    kept, run = logger.init_args, Path(config.ckpt_path).parent.parent
    logger.init_args = kept.clone()
    logger.init_args.version, logger.init_args.purge_step = _version(run), step
    try:
        yield
    finally:
        logger.init_args = kept


def _version(run: Path) -> int | str:
    found = re.fullmatch(r"version_(\d+)", run.name)
    return int(found[1]) if found else run.name
