"""How fast is it? Ratios measured in one run on one machine, as the medians of interleaved rounds.

python scripts/benchmark.py train     a training epoch: the usual script, bare PyTorch, digitrec; and memory
python scripts/benchmark.py fast      how much sooner configs/fast.yaml is at the published accuracy
python scripts/benchmark.py distort   distorting a batch of 128 against the training step that follows it
python scripts/benchmark.py checkpoints  epochs with step checkpoints against epochs without, in turns
python scripts/benchmark.py figures   what figures every 5 epochs add to 20 epochs of configs/mlp.yaml
python scripts/benchmark.py reading   a photograph of 12 megapixels and 1,000 small pictures, against Pillow
python scripts/benchmark.py rendered  accuracy on rendered photographs, scans, forms, drawings and empty pages
python scripts/benchmark.py pictures FOLDER...
                                      accuracy on people's own digits; the sets are in picture_sets.yaml,
                                      with --sets unseen in picture_sets_unseen.yaml: they chose nothing

train and fast write what they print into README.md, checkpoints into docs/faults.md, reading,
rendered and pictures into docs/pictures.md.
"""

import argparse
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
from contenders import DATA, IMAGES, TrainingClock, bare, fit, published
from lightning.pytorch import Callback, Trainer
from picture_accuracy import DOCS, ROADS, pictures
from picture_sets import RULES, LabelError
from reading_time import reading
from readme import README, write_section
from rendered_accuracy import rendered
from torch import nn

from digitrec import MLP
from digitrec.augment import RandomDistortion
from digitrec.checkpoints import CheckpointError
from digitrec.data import MNISTDataModule
from digitrec.download import ensure_mnist
from digitrec.images import normalize
from digitrec.saving import LastCheckpoint

CONFIG, FAST = "configs/mlp.yaml", "configs/fast.yaml"
PUBLISHED_ACCURACY = 0.9803


def digitrec() -> Callable[[], float]:
    """``digitrec fit --config configs/mlp.yaml``: logger, checkpoints, progress bar and all."""

    def epoch() -> float:
        clock = TrainingClock()
        with tempfile.TemporaryDirectory() as folder:
            fit(CONFIG, folder, 2, clock)
        return clock.epochs[1]  # the first warms up, as the other two have

    return epoch


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
            [sys.executable, __file__, "memory"], check=True, capture_output=True, text=True
        ).stdout,
    ]
    report("benchmark train", lines)


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
    report("benchmark fast", lines)


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


def test_accuracy(network: nn.Module) -> float:
    """Share of the 10,000 test images that a network reads right."""
    module = MNISTDataModule(DATA)
    module.setup("test")
    with torch.no_grad():
        digits = network(normalize(module.test_set.images)).argmax(dim=1)
    return (digits == module.test_set.targets).float().mean().item()


def report(section: str, lines: list[str], file: Path = README) -> None:
    """Print a table and write it into its section of a file."""
    print(*lines, sep="\n")
    write_section(section, "\n".join(lines), file)


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


def machine() -> str:
    """Cores and versions, for the line above a table."""
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{cores}, Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}"


def time_reading(rounds: int) -> None:
    """Print how long reading takes, and write it into docs/pictures.md."""
    ensure_mnist(DATA)
    report("benchmark reading", [reading(rounds, DATA, machine())], DOCS)


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add what ``pictures`` takes."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="snapshots of repositories")
    parser.add_argument(
        "--sets", choices=RULES, default="used", help="unseen: they chose nothing; only their pool is said"
    )
    parser.add_argument("--roads", nargs="+", choices=ROADS, default=tuple(ROADS))
    parser.add_argument(
        "--published",
        dest="published_weights",
        type=Path,
        metavar="CKPT",
        help="weights of the published recipe; default: the newest run of configs/mlp.yaml",
    )
    parser.add_argument(
        "--weights",
        dest="our_weights",
        type=Path,
        metavar="CKPT",
        help="weights of ours; default: those that ship",
    )
    parser.add_argument("--output", type=Path, metavar="JSON", help="what each road read of each picture")
    parser.add_argument(
        "--errors", type=Path, metavar="PNG", help="the pictures that the last road got wrong"
    )


def add_rendered(parser: argparse.ArgumentParser) -> None:
    """Add what ``rendered`` takes."""
    parser.add_argument("--digits", type=int, default=500)
    parser.add_argument("--seed", type=int, help="of other pages, of images held out; default: the report's")
    parser.add_argument("--weights", type=Path, metavar="CKPT", help="default: those that ship")
    parser.add_argument("--errors", type=Path, metavar="PNG", help="the pages with mistakes")


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subparsers = parser.add_subparsers(dest="what", required=True)
    for name in ("train", "fast", "distort", "checkpoints", "reading", "figures"):
        subparsers.add_parser(name).add_argument("--rounds", type=int, default=5)
    subparsers.add_parser("memory")
    add_pictures(subparsers.add_parser("pictures"))
    add_rendered(subparsers.add_parser("rendered"))
    options = vars(parser.parse_args())
    what = options.pop("what")
    try:
        commands = {"train": train, "fast": fast, "distort": distort, "memory": memory, "pictures": pictures}
        commands |= {"checkpoints": checkpoints, "reading": time_reading, "figures": figures}
        commands["rendered"] = rendered
        commands[what](**options)
    except (CheckpointError, LabelError) as error:
        sys.exit(f"benchmark: {error}")


if __name__ == "__main__":
    main()
