"""What a run pays for beside its steps: benchmark.py distort, checkpoints and figures."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
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
from scripts.lib.docs import machine, report
from scripts.lib.training_loops import CONFIG, DATA, FAST, TrainingClock, fit


def distort(rounds: int) -> None:
    """Print the time of distorting a batch as configs/best.yaml does, over that of a training step."""
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
    """Measure what the checkpoints inside an epoch cost, for each shipped size of network and batch."""
    ensure_mnist(DATA)
    lines = [
        f"Medians of {rounds} epochs with step checkpoints and {rounds} without, in turns; {machine()}.\n",
        "| config | an epoch without (s) | with (s) | one checkpoint (ms) | all of an epoch | share |",
        "|---|---|---|---|---|---|",
    ]
    for config in (CONFIG, FAST, "configs/wide.yaml"):
        clock, turns = TrainingClock(), StepCheckpointsInTurns()
        with tempfile.TemporaryDirectory(dir=".", prefix=".benchmark-") as folder:  # /tmp may be memory
            fit(config, folder, 2 * rounds + 1, clock, turns)
        without, with_ = median(clock.epochs[1::2]), median(clock.epochs[2::2])  # the first warms up
        spent = sum(turns.seconds) / rounds
        lines.append(
            f"| `{config}` | {without:.2f} | {with_:.2f} | {1000 * median(turns.seconds):.1f} | "
            f"{len(turns.seconds) / rounds:.1f} in {1000 * spent:.0f} ms | {spent / without:.1%} |"
        )
        print(lines[-1], file=sys.stderr)
    report("benchmark checkpoints", lines, Path("docs/faults.md"))


class StepCheckpointsInTurns(Callback):
    """Switch a config's step checkpoints off in every second epoch, and time each of the others."""

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
        counts = trainer.current_epoch > 0 and trainer.current_epoch % 2 == 0
        self._last._every_n_train_steps = self._every if counts else 0


def figures(rounds: int) -> None:
    """Print how much longer 20 epochs take with figures every 5: whole processes, imports included."""
    ensure_mnist(DATA)
    walls, processors = [], []
    for number in range(rounds + 1):
        order = (0, 5) if number % 2 else (5, 0)
        times = {every: whole_fit(f"--figures.every_n_epochs={every}") for every in order}
        print(
            f"round {number}: without and with, wall and processor s: {times[0]} {times[5]}", file=sys.stderr
        )
        if number:  # round 0 warms up
            walls.append(times[5][0] / times[0][0] - 1)
            processors.append(times[5][1] / times[0][1] - 1)
    print(
        f"20 epochs of {CONFIG} take {median(walls):+.1%} with figures every 5 epochs, median of {rounds} "
        f"interleaved rounds ({min(walls):+.1%} to {max(walls):+.1%}), in processor time "
        f"{median(processors):+.1%} ({min(processors):+.1%} to {max(processors):+.1%}); "
        f"{machine()}."
    )


def whole_fit(*args: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor that a process takes to fit 20 epochs of configs/mlp.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        logger = f"--trainer.logger.init_args.save_dir={folder}"
        command = [sys.executable, "-m", "digitrec", "fit", f"--config={CONFIG}", "--trainer.max_epochs=20"]
        start, used = time.perf_counter(), processor_seconds()
        subprocess.run([*command, logger, *args], check=True, capture_output=True)
        return round(time.perf_counter() - start, 2), round(processor_seconds() - used, 2)


def processor_seconds() -> float:
    """What processes started from here, and ended, have used. Not on Windows."""
    used = os.times()
    return used.children_user + used.children_system
