"""Several processes: which of them print, and whether they belong together."""

import os
import re

from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch.distributed import DistNetworkError


def is_first() -> bool:
    """Return whether this is the process that prints (rank 0)."""
    return not rank_zero_only.rank  # type: ignore[attr-defined]


def check_started(trainer: Trainer) -> None:
    """Refuse processes of torchrun or srun that the trainer does not expect: each would train on its own.

    Raises:
        MisconfigurationException: their number differs from devices times machines of the trainer.
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


def lost_connection(error: Exception) -> str | None:
    """Explain an error that means that the processes lost their connection; return None for any other."""
    if isinstance(error, DistNetworkError):
        return f"the processes cannot reach each other: {str(error).splitlines()[0]}"
    if isinstance(error, RuntimeError) and re.search(
        r"\bgloo\b|NCCL|Connection (?:closed|reset) by peer", str(error)
    ):
        return (
            "another process of the run has ended, so this one ends, too."  # it reported why, or was killed
        )
    return None
