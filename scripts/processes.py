"""Compare several processes with one, on the real MNIST, and write the tables of docs/processes.md.

python -m scripts.processes                         all three; each also by its name:
python -m scripts.processes metrics                 test and predict on 1 to 4 processes: the same
python -m scripts.processes accuracy --seeds 5      fit on 2, global batch and learning rate held, against 1
python -m scripts.processes throughput --rounds 3   images a second on 2 against 1; on a quiet machine

Each run is `python -m digitrec` in its own process, which starts the others; they talk by gloo on the CPU.
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
from statistics import mean, median, stdev
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.lib.docs import machine, write_section

PAGE = Path("docs/processes.md")
STEPS = 401
"""Of a run whose throughput is measured: inside its first epoch, where nothing is validated."""


class Runs:
    """Runs of digitrec in a folder, on some number of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def run(self, processes: int, *args: str, threads: int | None = None) -> Path:
        """Run a command, and return its run folder."""
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
        return self.folder / "lightning_logs" / f"version_{self.count - 1}"


def points(run: Path, tag: str) -> list[Any]:
    """The points of a curve: step, value, wall_time."""
    events = EventAccumulator(str(run))
    events.Reload()
    return list(events.Scalars(tag))


def tables(lines: list[list[Any]]) -> str:
    """Rows, the first of them the header, as Markdown."""
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def metrics(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Test and predict with the weights that ship."""
    header = ["processes", "images", "right", "wrong by digit, 0 to 9", "test/acc", "test/loss"]
    lines: list[list[Any]] = [[*header, "loss against 1", "predictions.csv, SHA-256"]]
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
    yield f"The weights that ship, the 10,000 test images; {machine()}.\n"
    yield tables(lines)


def accuracy(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Train fast.yaml with several seeds on one process and on two, and test on one."""
    config = Path("configs/fast.yaml").resolve()
    batch = yaml.safe_load(config.read_text())["data"]["batch_size"]
    lines: list[list[Any]] = [["processes", "batch of each", "mean ± deviation (%)", "each seed"]]
    for processes in (1, 2):
        found = []
        for seed in range(1, options.seeds + 1):
            given = [f"--config={config}", f"--seed_everything={seed}"]
            fitted = runs.run(processes, "fit", *given, f"--data.batch_size={batch // processes}")
            tested = runs.run(1, "test", f"--ckpt_path={fitted / 'checkpoints' / 'last.ckpt'}")
            found.append(100 * points(tested, "test/acc")[-1].value)
        plus_minus = f" ± {stdev(found):.2f}" if len(found) > 1 else ""
        each = " ".join(f"{value:.2f}" for value in found)
        lines.append([processes, batch // processes, f"{mean(found):.2f}{plus_minus}", each])
    yield f"`configs/fast.yaml`, test accuracy of the last epoch, {options.seeds} seeds.\n"
    yield tables(lines)


def throughput(runs: Runs, options: argparse.Namespace) -> Iterator[str]:
    """Train some hundred steps on one process with one and two threads, and on two with one each."""
    header = ["config", "global batch", "1 process, 1 thread", "1 process, 2 threads"]
    lines: list[list[Any]] = [[*header, "2 processes, 1 thread each", "2 processes to the better 1"]]
    ways = [(1, 1), (1, 2), (2, 1)]
    for name in ("mlp", "fast", "wide"):
        config = Path(f"configs/{name}.yaml").resolve()
        batch = yaml.safe_load(config.read_text())["data"]["batch_size"]
        rates: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for processes, threads in ways:
                given = [f"--config={config}", f"--data.batch_size={batch // processes}"]
                given += [f"--trainer.max_steps={STEPS}", "--trainer.log_every_n_steps=50"]
                run = runs.run(processes, "fit", *given, threads=threads)
                rates[processes, threads].append(batch * steps_a_second(run))
        medians = [median(rates[way]) for way in ways]
        gain = f"{medians[2] / max(medians[:2]):.2f}"
        lines.append([f"`configs/{name}.yaml`", batch, *(f"{rate:,.0f}" for rate in medians), gain])
    yield f"Images a second while training, median of {options.rounds} rounds; {machine()}.\n"
    yield tables(lines)


def steps_a_second(run: Path) -> float:
    """The median between the points of the loss: what is done once in a while does not count."""
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
    """Measure what the command line asks for, and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5, help="of accuracy; 5 by default")
    parser.add_argument("--rounds", type=int, default=3, help="of throughput; 3 by default")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=".", prefix=".processes-") as folder:
            text = "\n".join(PARTS[name](Runs(Path(folder).resolve()), options))
        print(text, end="\n\n")
        write_section(f"processes {name}", text, PAGE)


if __name__ == "__main__":
    main()
