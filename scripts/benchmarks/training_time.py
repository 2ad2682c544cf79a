"""Time and memory of training: ``benchmark train``, ``memory`` and ``fast``."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn

from digitrec import MLP
from digitrec.data.download import ensure_mnist
from digitrec.models.normalization import normalize
from scripts.lib.docs import SPEED, machine, report
from scripts.lib.mnist import DATA, mnist_test_set
from scripts.lib.training_loops import (
    CONFIG,
    FAST,
    IMAGES,
    TrainingClock,
    fit,
    minimal_loop,
    published_loop,
)

PUBLISHED_ACCURACY = 0.9803


def train(rounds: int) -> None:
    """Measure an epoch of each training loop and the memory of a fit."""
    ensure_mnist(DATA)
    loops = {
        "published loop": published_loop(MLP()),
        "minimal PyTorch": minimal_loop(MLP()),
        "digitrec": digitrec_loop(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds + 1):
        for name, epoch in loops.items():
            seconds[name].append(epoch())
        print(
            f"round {number}:",
            {name: round(times[-1], 2) for name, times in seconds.items()},
            file=sys.stderr,
        )
    medians = {name: median(times[1:]) for name, times in seconds.items()}  # round 0 warms up
    minimal = medians["minimal PyTorch"]
    ratio = medians["published loop"] / medians["digitrec"]
    lines = [
        f"{IMAGES:,} images an epoch, batch 64, median of {rounds} interleaved rounds; {machine()}.\n",
        "| training loop | seconds an epoch | relative to minimal |\n|---|---|---|",
        *(f"| {name} | {value:.2f} | {value / minimal:.2f} |" for name, value in medians.items()),
        f"\ndigitrec is {ratio:.1f} times as fast as the published loop.",
        subprocess.run(
            [sys.executable, "-m", "scripts.benchmark", "memory"], check=True, capture_output=True, text=True
        ).stdout,
    ]
    report("benchmark train", lines, SPEED)


def digitrec_loop() -> Callable[[], float]:
    """Return an epoch of ``digitrec fit`` with logger, checkpoints and progress bar."""

    def epoch() -> float:
        clock = TrainingClock()
        with tempfile.TemporaryDirectory() as folder:
            fit(CONFIG, folder, 2, clock)
        return clock.epochs[1]  # the first warms up

    return epoch


def memory() -> None:
    """Print the peak of resident memory of a fit above the level after imports. Linux only."""
    level = resident("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        fit(CONFIG, folder, 2)
    print(f"Peak memory of fit above the level after imports: {resident('VmHWM') - level:.0f} MB")


def resident(key: str) -> float:
    """Return resident memory in MB, now (VmRSS) or at its peak (VmHWM).

    The peak of getrusage would start at that of the parent process.
    """
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) / 1024


def fast(rounds: int) -> None:
    """Measure the time of configs/fast.yaml relative to the minimal and the published loop."""
    ensure_mnist(DATA)
    minimal_epoch = minimal_loop(MLP())
    minimal_epoch()
    figures: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        measured = {
            "minimal": median(minimal_epoch() for _ in range(3)),
            **fast_run(number),
            **published_to_accuracy(number),
        }
        print(f"round {number}:", {key: round(value, 4) for key, value in measured.items()}, file=sys.stderr)
        for key, value in measured.items():
            figures.setdefault(key, []).append(value)
    middle = {key: median(values) for key, values in figures.items()}
    first, training, process = middle["first"], middle["training"], middle["process"]
    lines = [
        f"`{FAST}`, median of {rounds} rounds; {machine()}:\n",
        f"- {first / training:.0f} times as fast as the published loop until it first reaches "
        f"{PUBLISHED_ACCURACY:.2%} (in epoch {middle['epochs']:.0f}, after {first:.0f} s of training); "
        f"{200 * middle['epoch'] / training:.0f} times as fast as its 200 epochs.",
        f"- Training alone takes {training:.1f} s for {middle['steps']:,.0f} steps, as long as "
        f"{training / middle['minimal']:.1f} epochs of the minimal loop. The whole process with imports "
        f"takes {process:.1f} s, {first / process:.0f} times as fast as the published loop until that epoch.",
        f"- Test accuracy of the rounds: {', '.join(f'{value:.2%}' for value in figures['accuracy'])}.",
    ]
    report("benchmark fast", lines, SPEED)


def fast_run(seed: int) -> dict[str, float]:
    """Time configs/fast.yaml: the training in this process, and a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        clock = TrainingClock()
        cli = fit(FAST, folder, None, clock, seed=seed)
        command = [sys.executable, "-m", "digitrec", "fit", f"--config={FAST}"]
        start = time.perf_counter()
        logger = f"--trainer.logger.init_args.save_dir={folder}"
        subprocess.run([*command, logger], check=True, capture_output=True)
        process = time.perf_counter() - start
    measured = {"training": sum(clock.epochs), "steps": cli.trainer.global_step, "process": process}
    return {**measured, "accuracy": test_accuracy(cli.model.network)}


def published_to_accuracy(seed: int) -> dict[str, float]:
    """Time the published loop, on all 60,000 images as published, until it reaches the published accuracy."""
    torch.manual_seed(seed)
    network = MLP()
    epoch = published_loop(network, 60_000)
    seconds: list[float] = []
    while not seconds or test_accuracy(network) < PUBLISHED_ACCURACY:
        seconds.append(epoch())
    return {"first": sum(seconds), "epoch": median(seconds), "epochs": len(seconds)}


def test_accuracy(network: nn.Module) -> float:
    """Return the share of the 10,000 test images that a network classifies correctly."""
    images, labels = mnist_test_set(DATA)
    with torch.no_grad():
        digits = network(normalize(images)).argmax(dim=1)
    return (digits == labels).float().mean().item()
