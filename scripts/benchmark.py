"""How fast is it? Ratios measured in one run on one machine, as the medians of interleaved rounds.

python scripts/benchmark.py train [--rounds 5]     a training epoch: the usual script, bare PyTorch, digitrec
"""

import argparse
import contextlib
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from digitrec import MLP
from digitrec.cli import DigitCLI, silence_what_no_user_can_change
from digitrec.data import MNISTDataModule
from digitrec.download import ensure_mnist
from digitrec.images import normalize

CONFIG = "configs/mlp.yaml"
DATA = "data"
IMAGES = 55_000


class TrainingClock(Callback):
    """Seconds of each training epoch, without the validation that lies inside it."""

    def __init__(self) -> None:
        self.epochs: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
        self._validation_start = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        if not trainer.sanity_checking:  # the start moves by as much as validation took
            self._start += time.perf_counter() - self._validation_start

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self.epochs.append(time.perf_counter() - self._start)


def published() -> Callable[[], float]:
    """The script that most tutorials print: a torchvision data set, a loss read at each step."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    dataset = datasets.MNIST(DATA, train=True, transform=transform)
    dataset.data, dataset.targets = dataset.data[:IMAGES], dataset.targets[:IMAGES]
    loader = DataLoader(dataset, batch_size=64, shuffle=True)
    network, loss_function = MLP(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def epoch() -> float:
        start = time.perf_counter()
        running_loss = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_function(network(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return time.perf_counter() - start

    return epoch


def bare() -> Callable[[], float]:
    """As fast as eager PyTorch goes: tensors in memory, a fused optimizer, nothing logged or measured."""
    module = MNISTDataModule(DATA)
    module.setup("fit")
    images, labels = normalize(module.train_set.images), module.train_set.targets
    network = MLP()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)

    def epoch() -> float:
        start = time.perf_counter()
        for chosen in torch.randperm(IMAGES).split(64):
            loss = F.nll_loss(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start

    return epoch


def fit(folder: str, epochs: int, *callbacks: Callback, config: str = CONFIG) -> None:
    """Fit a config as the command line does, quietly, its run folder under a folder of the caller's."""
    logger = f"--trainer.logger.init_args.save_dir={folder}"
    args = ["fit", f"--config={config}", f"--trainer.max_epochs={epochs}", logger]
    silence_what_no_user_can_change()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli = TimedCLI(args, callbacks)
    assert cli.trainer.state.finished


class TimedCLI(DigitCLI):
    """DigitCLI with callbacks that no config names."""

    def __init__(self, args: list[str], callbacks: tuple[Callback, ...]) -> None:
        self._more_callbacks = callbacks
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.extend(self._more_callbacks)
        return trainer


def digitrec() -> Callable[[], float]:
    """``digitrec fit --config configs/mlp.yaml``: logger, checkpoints, progress bar and all."""

    def epoch() -> float:
        clock = TrainingClock()
        with tempfile.TemporaryDirectory() as folder:
            fit(folder, 2, clock)
        return clock.epochs[1]  # the first warms up, as the other two have

    return epoch


def train(rounds: int) -> None:
    """Print the table of contenders, and the memory that a fit needs."""
    ensure_mnist(DATA)
    contenders = {make.__name__: make() for make in (published, bare, digitrec)}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, epoch in contenders.items():
            seconds[name].append(epoch())
        print(
            f"round {number}:",
            {name: round(times[-1], 2) for name, times in seconds.items()},
            file=sys.stderr,
        )
    medians = {name: median(times[1:]) for name, times in seconds.items()}  # round 0 warms up
    print(
        f"{IMAGES:,} images a training epoch, batch 64, median of {rounds} interleaved rounds; {machine()}\n"
    )
    print("| contender | seconds an epoch | to bare |\n|---|---|---|")
    for name, value in medians.items():
        print(f"| {name} | {value:.2f} | {value / medians['bare']:.2f} |")
    print(f"\ndigitrec is {medians['published'] / medians['digitrec']:.1f} times as fast as published.")
    child = subprocess.run(
        [sys.executable, __file__, "memory"], check=True, capture_output=True, text=True, env=os.environ
    )
    print(child.stdout.strip())


def memory() -> None:
    """Print the peak of resident memory of a fit above the level after the imports. Linux only."""
    level = resident("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        fit(folder, 2)
    print(f"Peak memory of fit above the level after imports: {resident('VmHWM') - level:.0f} MB")


def resident(key: str) -> float:
    """Resident memory in MB, now (VmRSS) or at its peak (VmHWM; getrusage's starts at the parent's)."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) / 1024


def machine() -> str:
    """Cores and versions, for the line above a table."""
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{cores}, Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}"


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["train", "memory"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.what == "memory":
        memory()
    else:
        train(options.rounds)


if __name__ == "__main__":
    main()
