"""What a training takes: benchmark.py train, memory and fast."""

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
from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.download import ensure_mnist
from digitrec.models.normalization import normalize
from scripts.lib.docs import SPEED, machine, report
from scripts.lib.training_loops import CONFIG, DATA, FAST, IMAGES, TrainingClock, bare, fit, published

PUBLISHED_ACCURACY = 0.9803


def train(rounds: int) -> None:
    """Print the table of contenders, and the memory that a fit needs."""
    ensure_mnist(DATA)
    contenders = {"published": published(MLP()), "bare": bare(MLP()), "digitrec": digitrec()}
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
    lines = [
        f"{IMAGES:,} images an epoch, batch 64, median of {rounds} interleaved rounds; {machine()}.\n",
        "| contender | seconds an epoch | to bare |\n|---|---|---|",
        *(f"| {name} | {value:.2f} | {value / medians['bare']:.2f} |" for name, value in medians.items()),
        f"\ndigitrec is {medians['published'] / medians['digitrec']:.1f} times as fast as published.",
        subprocess.run(
            [sys.executable, "-m", "scripts.benchmark", "memory"], check=True, capture_output=True, text=True
        ).stdout,
    ]
    report("benchmark train", lines, SPEED)


def digitrec() -> Callable[[], float]:
    """``digitrec fit --config configs/mlp.yaml``: logger, checkpoints, progress bar and all."""

    def epoch() -> float:
        clock = TrainingClock()
        with tempfile.TemporaryDirectory() as folder:
            fit(CONFIG, folder, 2, clock)
        return clock.epochs[1]  # the first warms up, as the other two have

    return epoch


def memory() -> None:
    """Print the peak of resident memory of a fit above the level after the imports. Linux only."""
    level = resident("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        fit(CONFIG, folder, 2)
    print(f"Peak memory of fit above the level after imports: {resident('VmHWM') - level:.0f} MB")


def resident(key: str) -> float:
    """Resident memory in MB, now (VmRSS) or at its peak (VmHWM; getrusage's starts at the parent's)."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) / 1024


def fast(rounds: int) -> None:
    """Measure how long configs/fast.yaml takes, in bare epochs, and against the published loop."""
    ensure_mnist(DATA)
    bare_epoch = bare(MLP())
    bare_epoch()
    figures: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        measured = {
            "bare": median(bare_epoch() for _ in range(3)),
            **fast_run(number),
            **published_until_its_accuracy(number),
        }
        print(f"round {number}:", {key: round(value, 4) for key, value in measured.items()}, file=sys.stderr)
        for key, value in measured.items():
            figures.setdefault(key, []).append(value)
    middle = {key: median(values) for key, values in figures.items()}
    first, training, process = middle["first"], middle["training"], middle["process"]
    lines = [
        f"`{FAST}`, median of {rounds} rounds; {machine()}:\n",
        f"- {first / training:.0f} times sooner than the published loop up to the first epoch after which it "
        f"is at {PUBLISHED_ACCURACY:.2%} (its epoch {middle['epochs']:.0f}, {first:.0f} s of training); "
        f"{200 * middle['epoch'] / training:.0f} times sooner than its 200 epochs.",
        f"- Training alone takes {training:.1f} s, {training / middle['bare']:.1f} bare epochs; the whole "
        f"process, imports included, {process:.1f} s, {first / process:.0f} times sooner than that epoch.",
        f"- Test accuracy of the rounds: {', '.join(f'{value:.2%}' for value in figures['accuracy'])}.",
    ]
    report("benchmark fast", lines, SPEED)


def fast_run(seed: int) -> dict[str, float]:
    """Time configs/fast.yaml: the training, in this process, and a whole process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        clock = TrainingClock()
        cli = fit(FAST, folder, 5, clock, seed=seed)
        command = [sys.executable, "-m", "digitrec", "fit", f"--config={FAST}"]
        start = time.perf_counter()
        logger = f"--trainer.logger.init_args.save_dir={folder}"
        subprocess.run([*command, logger], check=True, capture_output=True)
        process = time.perf_counter() - start
    return {"training": sum(clock.epochs), "process": process, "accuracy": test_accuracy(cli.model.network)}


def published_until_its_accuracy(seed: int) -> dict[str, float]:
    """Time the published loop, on all 60,000 images as published, until it is at the published accuracy."""
    torch.manual_seed(seed)
    network = MLP()
    epoch = published(network, 60_000)
    seconds: list[float] = []
    while not seconds or test_accuracy(network) < PUBLISHED_ACCURACY:
        seconds.append(epoch())
    return {"first": sum(seconds), "epoch": median(seconds), "epochs": len(seconds)}


def test_accuracy(network: nn.Module) -> float:
    """Share of the 10,000 test images that a network reads right."""
    module = MNISTDataModule(DATA)
    module.setup("test")
    with torch.no_grad():
        digits = network(normalize(module.test_set.images)).argmax(dim=1)
    return (digits == module.test_set.targets).float().mean().item()
