"""Overhead of distortion, checkpoints and figures: ``benchmark distort``, ``checkpoints``, ``figures``."""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer

from digitrec import MLP
from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.distortion import RandomDistortion
from digitrec.data.download import ensure_mnist
from digitrec.models.normalization import normalize
from digitrec.training.callbacks.last_checkpoint import LastCheckpoint
from scripts.lib.docs import KILLS, machine, report
from scripts.lib.mnist import DATA
from scripts.lib.training_loops import CONFIG, FAST, TrainingClock, fit


def distort(rounds: int) -> None:
    """Print the time of distorting a batch as configs/best.yaml does, relative to a training step."""
    ensure_mnist(DATA)
    module = MNISTDataModule(DATA)
    module.setup("fit")
    images, labels = module.train_set.images[:128], module.train_set.targets[:128]
    augment = RandomDistortion(rotation=11, scale=0.11, shear=0.19, shift=1.5, elastic=1.0)
    network = MLP()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.001, fused=True)

    def step() -> None:
        loss = F.nll_loss(network(normalize(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    ratios = []
    for _ in range(20 * rounds):
        times = []
        for work in (lambda: augment(images), step):
            start = time.perf_counter()
            for _ in range(20):
                work()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    print(f"Distorting 128 digits takes {median(ratios):.2f} of a training step; {machine()}.")


def checkpoints(rounds: int) -> None:
    """Measure the time of checkpoints inside an epoch, for each shipped size of network and batch."""
    ensure_mnist(DATA)
    lines = [
        f"Medians of {rounds} epochs with step checkpoints and {rounds} without, alternating; {machine()}.\n",
        "| config | epoch without (s) | epoch with (s) | one checkpoint (ms) "
        "| checkpoints in an epoch | share |",
        "|---|---|---|---|---|---|",
    ]
    for config in (CONFIG, FAST, "configs/wide.yaml"):
        clock, alternating = TrainingClock(), AlternatingCheckpoints()
        with tempfile.TemporaryDirectory(dir=".", prefix=".benchmark-") as folder:  # /tmp may be memory
            fit(config, folder, 2 * rounds + 1, clock, alternating)
        without, with_ = median(clock.epochs[1::2]), median(clock.epochs[2::2])  # the first warms up
        spent = sum(alternating.seconds) / rounds
        lines.append(
            f"| `{config}` | {without:.2f} | {with_:.2f} | {1000 * median(alternating.seconds):.1f} | "
            f"{len(alternating.seconds) / rounds:.1f} in {1000 * spent:.0f} ms | {spent / without:.1%} |"
        )
        print(lines[-1], file=sys.stderr)
    report("benchmark checkpoints", lines, KILLS)


class AlternatingCheckpoints(Callback):
    """Switch step checkpoints off in every second epoch, and time each checkpoint in the other epochs."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        (self._last,) = (cb for cb in trainer.checkpoint_callbacks if isinstance(cb, LastCheckpoint))
        self._every, save = self._last._every_n_train_steps, self._last._save

        def timed(trainer: Trainer) -> None:
            start = time.perf_counter()
            save(trainer)
            if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
                self.seconds.append(time.perf_counter() - start)

        self._last._save = timed  # type: ignore[method-assign]

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        enabled = trainer.current_epoch > 0 and trainer.current_epoch % 2 == 0
        self._last._every_n_train_steps = self._every if enabled else 0


def figures(rounds: int) -> None:
    """Print how much longer a process of 20 epochs takes with figures every 5 epochs."""
    ensure_mnist(DATA)
    walls, cpus = [], []
    for number in range(rounds + 1):
        order = (0, 5) if number % 2 else (5, 0)
        times = {every: whole_fit(f"--figures.every_n_epochs={every}") for every in order}
        print(f"round {number}: without and with, wall and CPU s: {times[0]} {times[5]}", file=sys.stderr)
        if number:  # round 0 warms up
            walls.append(times[5][0] / times[0][0] - 1)
            cpus.append(times[5][1] / times[0][1] - 1)
    print(
        f"20 epochs of {CONFIG} take {median(walls):+.1%} with figures every 5 epochs, median of {rounds} "
        f"interleaved rounds ({min(walls):+.1%} to {max(walls):+.1%}), in CPU time "
        f"{median(cpus):+.1%} ({min(cpus):+.1%} to {max(cpus):+.1%}); "
        f"{machine()}."
    )


def whole_fit(*args: str) -> tuple[float, float]:
    """Return wall and CPU seconds of a process that fits 20 epochs of configs/mlp.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        logger = f"--trainer.logger.init_args.save_dir={folder}"
        command = [sys.executable, "-m", "digitrec", "fit", f"--config={CONFIG}", "--trainer.max_epochs=20"]
        start, used = time.perf_counter(), cpu_seconds()
        subprocess.run([*command, logger, *args], check=True, capture_output=True)
        return round(time.perf_counter() - start, 2), round(cpu_seconds() - used, 2)


def cpu_seconds() -> float:
    """Return the CPU seconds of all child processes that have ended. Not on Windows."""
    used = os.times()
    return used.children_user + used.children_system
