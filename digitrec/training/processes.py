"""Several processes: which of them print, and whether they belong together."""

import os
import random
import re
import socket

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch.distributed import DistNetworkError

PORTS = range(20_000, 32_768)
"""Ports that no system gives to outgoing connections by default."""


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


def choose_port(trainer: Trainer) -> None:
    """Choose the port at which processes that Lightning starts meet, unless ``MASTER_PORT`` names one.

    Lightning takes a port from those that the system also gives to outgoing connections, some seconds before
    it listens there: another program may have it by then.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.world_size > 1 and type(environment) is LightningEnvironment:
        os.environ.setdefault("MASTER_PORT", str(free_port()))


def free_port() -> int:
    """Return one of PORTS at which no program of this machine listens."""
    ports = random.SystemRandom().sample(PORTS, 100)  # not from the generator that a seed sets
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    return ports[0]


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
