"""Several processes: which of them speak, and whether all that were started belong together."""

import os
import re

from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch.distributed import DistNetworkError


def is_first() -> bool:
    """Whether this process tells what goes on: one of all does."""
    return not rank_zero_only.rank  # type: ignore[attr-defined]


def is_first_of_machine() -> bool:
    """Whether this process says what is wrong: one on each machine does.

    All on a machine find the same, but another machine may lack a file that the first one has.
    """
    local = (os.environ.get(name) for name in ("LOCAL_RANK", "SLURM_LOCALID"))
    return next((rank for rank in local if rank is not None), "0") == "0"


def check_started(trainer: Trainer) -> None:
    """Refuse processes that torchrun or srun started unknown to the trainer: each would run for itself.

    Raises:
        MisconfigurationException: their number is not that of the trainer's devices and machines.
    """
    if TorchElasticEnvironment.detect():
        starter, started = "torchrun", os.environ.get("WORLD_SIZE")
    else:
        starter, started = "srun", os.environ.get("SLURM_STEP_NUM_TASKS")
    expected = trainer.num_devices * trainer.num_nodes
    if started is not None and int(started) != expected:
        raise MisconfigurationException(
            f"{starter} started {started} processes, but trainer.devices {trainer.num_devices} on "
            f"trainer.num_nodes {trainer.num_nodes} are {expected}: make them agree, with "
            "--config configs/trainer/ddp.yaml."
        )


def lost_connection(error: RuntimeError) -> str | None:
    """Say what an error means by which processes only notice that they cannot talk; None for any other."""
    if isinstance(error, DistNetworkError):
        return f"the processes cannot reach each other: {str(error).splitlines()[0]}"
    if re.search(r"\bgloo\b|NCCL|Connection (?:closed|reset) by peer", str(error)):
        return "another process of the run has ended, so this one ends, too."  # it said why, or was killed
    return None
