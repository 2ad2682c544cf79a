"""Runs that are killed and resumed, and their rows of the table."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import yaml

from scripts.lib.faults.comparison import curves, equal_parts
from scripts.lib.faults.kills import Place

ROOT = Path(__file__).parents[3]
RUN = Path("lightning_logs/version_0")
REFERENCE = "reference"
INSIDE, END, NOTHING = "inside an epoch", "end of an epoch", "no checkpoint"
DIFFERENT = "**different**"


class Row(NamedTuple):
    """A killed run that was resumed: its row of the table, where it was resumed, whether all is equal."""

    line: str
    start: str
    equal: bool


class Runs:
    """The runs of one config, each in its own folder.

    Args:
        configs: paths of the config and of those that change it.
        folder: for the runs.
        every: steps between writes of ``last.ckpt``.
    """

    def __init__(self, configs: Sequence[str], folder: Path, every: int) -> None:
        content = yaml.safe_load(Path(configs[0]).read_text())
        for callback in content["trainer"]["callbacks"]:
            if callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint":
                callback["init_args"]["every_n_train_steps"] = every
        own = folder / "config.yaml"
        own.write_text(yaml.safe_dump(content))
        paths = [own, *(Path(config).resolve() for config in configs[1:])]
        self.arguments = ["fit", *(f"--config={path}" for path in paths)]
        self.arguments.append(f"--data.data_dir={Path('data').resolve()}")
        self.folder, self.every, self.seconds = folder, every, 0.0
        memory = Path("/dev/shm")  # another file system than the run's
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {**os.environ, "PYTHONPATH": path}
        if memory.is_dir():
            self.environment["TMPDIR"] = str(memory)

    def start(self, name: str, *more: str, place: Place | None = None) -> subprocess.Popen[str]:
        """Start ``fit``; with a place, it kills itself there."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        program = ["scripts.lib.faults.kills", *map(str, place)] if place else ["digitrec"]
        return subprocess.Popen(
            [sys.executable, "-m", *program, *self.arguments, *more],
            cwd=folder,
            env=self.environment,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def lost_together(self, count: int, rounds: int) -> int:
        """Start runs at once, round after round; return how many have no whole folder of their own."""
        short = ("--trainer.max_epochs=1", "--trainer.limit_train_batches=20")  # the start is what matters
        command = [sys.executable, "-m", "scripts.lib.faults.together", str(count), str(rounds)]
        subprocess.run(
            [*command, *self.arguments, *short], cwd=self.folder, env=self.environment, check=False
        )
        folders = (self.folder / str(each) / RUN.parent for each in range(rounds))
        runs = [folder / f"version_{number}" for folder in folders for number in range(count)]
        return sum(not _is_whole(run) for run in runs)

    def finish(self, name: str, *more: str) -> None:
        """Run to the end; a run that was complete has nothing to resume."""
        errors, status = self.run(name, *more)
        if status and "There is nothing to resume" not in errors:
            raise SystemExit(f"{name}: {errors}")

    def run(self, name: str, *more: str) -> tuple[str, int]:
        """Run to the end and return what is written to standard error, and the exit status."""
        process = self.start(name, *more)
        errors = process.communicate()[1]
        return errors, process.returncode

    def run_reference(self) -> None:
        """Run to the end without a kill; ``seconds`` is how long that takes after the folder was made."""
        process = self.start(REFERENCE)
        begin = self._wait_for_folder(REFERENCE, process)
        process.communicate()
        if process.returncode:
            raise SystemExit("The reference run failed.")
        self.seconds = time.perf_counter() - begin

    def _wait_for_folder(self, name: str, process: subprocess.Popen[str]) -> float:
        while not (self.folder / name / RUN / "config.yaml").exists() and process.poll() is None:
            time.sleep(0.001)
        return time.perf_counter()

    def killed_after(self, name: str, seconds: float) -> bool:
        """Kill a run some seconds after its folder was made; return False if it ended before."""
        process = self.start(name)
        self._wait_for_folder(name, process)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def killed_at(self, name: str, place: Place) -> None:
        """Start a run that kills itself at a place."""
        process = self.start(name, place=place)
        errors = process.communicate()[1]
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"{name} was not killed at {place}: {errors}")

    def epoch_steps(self) -> int:
        """Return the number of steps of an epoch."""
        last = self.folder / REFERENCE / RUN / "checkpoints" / "last.ckpt"
        return int(torch.load(last, weights_only=True)["callbacks"]["ExactResume"]["epoch_steps"])

    def row(self, name: str, moment: str) -> Row:
        """Resume a killed run, compare it with the reference, and delete it."""
        folder, reference = self.folder / name / RUN, self.folder / REFERENCE / RUN
        last_step = max((step for points in curves(folder).values() for step, _ in points), default=0)
        start = self._resume(name, folder)
        equal = equal_parts(folder, reference)
        shutil.rmtree(self.folder / name)
        cells = [moment, last_step, start, *("equal" if same else DIFFERENT for same in equal.values())]
        return Row("| " + " | ".join(map(str, cells)) + " |", start, all(equal.values()))

    def _resume(self, name: str, folder: Path) -> str:
        """Resume a killed run, or start it again if it has no checkpoint; return where that was."""
        last = folder / "checkpoints" / "last.ckpt"
        if last.exists():
            checkpoint = torch.load(last, weights_only=True)
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            self.finish(name, "--ckpt_path=last")
            return f"{checkpoint['global_step']}, {END if progress['is_last_batch'] else INSIDE}"
        errors, status = self.run(name, "--ckpt_path=last")
        if status != 1 or "has no checkpoint" not in errors:
            raise SystemExit(f"{name} has no checkpoint, but --ckpt_path last reports: {errors}")
        shutil.rmtree(folder)
        self.finish(name)
        return NOTHING


def _is_whole(run: Path) -> bool:
    """Return whether a run has its config, its checkpoint and the events of one process."""
    files = (run / "config.yaml").exists() and (run / "checkpoints/last.ckpt").exists()
    return files and len(list(run.glob("events.*"))) == 1
