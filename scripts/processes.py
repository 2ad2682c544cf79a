"""Compare several processes with one on the real MNIST and write the tables of docs/results/processes.md.

python -m scripts.processes                         all of the following
python -m scripts.processes metrics                 test and predict on 1 to 4 processes
python -m scripts.processes accuracy --seeds 5      fit on 1 and 2, with equal global batch and learning rate
python -m scripts.processes throughput --rounds 3   images a second on 1 and 2; needs a quiet machine

Each run is `python -m digitrec` in its own process, which starts the others; they use gloo on the CPU.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.lib.docs import PROCESSES, machine, markdown_table, mean_and_deviation, write_section

STEPS = 401
"""Steps of a run whose throughput is measured: it ends inside the first epoch, before validation."""


class Runs:
    """Runs of digitrec in a folder, on a number of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def run(self, processes: int, *args: str, threads: int | None = None) -> Path:
        """Run a command and return its run folder."""
        configs = [] if processes == 1 else [f"--config={Path('configs/trainer/ddp.yaml').resolve()}"]
        placed = [f"--trainer.devices={processes}", "--trainer.accelerator=cpu"]
        run = [f"--trainer.logger.init_args.version={self.count}"]
        data = [f"--data.data_dir={Path('data').resolve()}"]
        threaded = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, "-m", "digitrec", args[0], *configs, *args[1:], *placed, *run, *data],
            cwd=self.folder,
            env={**os.environ, **threaded},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(args)} on {processes} processes: {done.stderr[-2000:]}")
        self.count += 1
        evaluation = [] if args[0] == "fit" else [args[0]]
        return self.folder.joinpath("lightning_logs", *evaluation, f"version_{self.count - 1}")


def points(run: Path, tag: str) -> list[Any]:
    """Return the points of a curve: step, value, wall_time."""
    events = EventAccumulator(str(run))
    events.Reload()
    return list(events.Scalars(tag))


def metrics(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Test and predict with the pretrained weights."""
    header = ["processes", "images", "correct", "errors by digit, 0 to 9", "test/acc", "test/loss"]
    lines: list[list[Any]] = [[*header, "loss minus that of 1", "predictions.csv, SHA-256"]]
    losses: list[float] = []
    for processes in range(1, 5):
        tested = runs.run(processes, "test", "--ckpt_path=pretrained")
        predicted = runs.run(processes, "predict", "--ckpt_path=pretrained")
        report = json.loads((tested / "report.json").read_text())
        losses.append(points(tested, "test/loss")[-1].value)
        digest = hashlib.sha256((predicted / "predictions.csv").read_bytes()).hexdigest()
        wrong = " ".join(str(row["wrong"]) for row in report["digits"])
        accuracy = f"{points(tested, 'test/acc')[-1].value:.6f}"
        lines.append([processes, f"{report['images']:,}", f"{report['correct']:,}", wrong, accuracy])
        lines[-1] += [f"{losses[-1]:.8f}", f"{losses[-1] - losses[0]:+.1e}", f"`{digest[:16]}`"]
    yield f"The pretrained weights on the 10,000 test images; {machine()}.\n"
    yield markdown_table(lines)


def accuracy(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Train fast.yaml with several seeds on one and on two processes, and test on one."""
    config = Path("configs/fast.yaml").resolve()
    batch = yaml.safe_load(config.read_text())["data"]["batch_size"]
    lines: list[list[Any]] = [["processes", "batch per process", "mean ± deviation (%)", "each seed"]]
    for processes in (1, 2):
        found = []
        for seed in range(1, options.seeds + 1):
            overrides = [f"--config={config}", f"--seed_everything={seed}"]
            fitted = runs.run(processes, "fit", *overrides, f"--data.batch_size={batch // processes}")
            tested = runs.run(1, "test", f"--ckpt_path={fitted / 'checkpoints' / 'last.ckpt'}")
            found.append(points(tested, "test/acc")[-1].value)
        each = " ".join(f"{100 * value:.2f}" for value in found)
        lines.append([processes, batch // processes, mean_and_deviation(found, 2), each])
    yield f"`configs/fast.yaml`, test accuracy of the last epoch, {options.seeds} seeds.\n"
    yield markdown_table(lines)


def throughput(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Train a few hundred steps on one process with one and two threads, and on two with one each."""
    header = ["config", "global batch", "1 process, 1 thread", "1 process, 2 threads"]
    lines: list[list[Any]] = [[*header, "2 processes, 1 thread each", "2 processes relative to the better 1"]]
    setups = [(1, 1), (1, 2), (2, 1)]
    for name in ("mlp", "fast", "wide"):
        config = Path(f"configs/{name}.yaml").resolve()
        batch = yaml.safe_load(config.read_text())["data"]["batch_size"]
        rates: dict[tuple[int, int], list[float]] = {setup: [] for setup in setups}
        for _ in range(options.rounds):
            for processes, threads in setups:
                overrides = [f"--config={config}", f"--data.batch_size={batch // processes}"]
                overrides += [f"--trainer.max_steps={STEPS}", "--trainer.log_every_n_steps=50"]
                run = runs.run(processes, "fit", *overrides, threads=threads)
                rates[processes, threads].append(batch * steps_per_second(run))
        medians = [median(rates[setup]) for setup in setups]
        gain = f"{medians[2] / max(medians[:2]):.2f}"
        lines.append([f"`configs/{name}.yaml`", batch, *(f"{rate:,.0f}" for rate in medians), gain])
    yield f"Images a second while training, median of {options.rounds} rounds; {machine()}.\n"
    yield markdown_table(lines)


def steps_per_second(run: Path) -> float:
    """Return the median rate between points of the loss, which ignores what is done now and then."""
    losses = points(run, "train/loss")
    return median(
        (later.step - earlier.step) / (later.wall_time - earlier.wall_time)
        for earlier, later in pairwise(losses)
    )


PARTS: dict[str, Callable[[Runs, argparse.Namespace], Iterator[str]]] = {
    "metrics": metrics,
    "accuracy": accuracy,
    "throughput": throughput,
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"from {', '.join(PARTS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5, help="of accuracy; 5 by default")
    parser.add_argument("--rounds", type=int, default=3, help="of throughput; 3 by default")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=".", prefix=".processes-") as folder:
            text = "\n".join(PARTS[name](Runs(Path(folder).resolve()), options))
        print(text, end="\n\n")
        write_section(f"processes {name}", text, PROCESSES)


if __name__ == "__main__":
    main()
