"""Kill a run with SIGKILL, go on, and compare with a run that was never stopped: every bit must be the same.

python -m scripts.faults --write                20 moments drawn at random and the placed ones; docs/faults.md
python -m scripts.faults --kills 2 --placed 0   a short look

Each run is `digitrec fit` on the real MNIST in a process of its own, about ten seconds. A random moment lies
between the making of the run folder and the end; before it there is nothing to lose. At a placed one the
process kills itself, at that point of the code. last.ckpt is written more often than the config says
(--every), so that most moments lie inside an epoch behind a checkpoint of that epoch. What must be equal: in
last.ckpt and best.ckpt the weights, the state of optimizer and schedule, and all counters; every point of
every curve; config.yaml. A run without a checkpoint must say that nothing can go on from it.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from lightning.pytorch import Callback, Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.training.messages import ignore_warnings
from scripts.lib.docs import machine, write_section

RUN = Path("lightning_logs/version_0")
INSIDE, END, NOTHING = "inside an epoch", "an epoch's end", "the start"
DIFFERENT = "**different**"
PLACES = {
    "validation": "in the validation of epoch {}",
    "last-batch": "after the last batch of epoch {}",
    "writing": "in write {} of {}, before it takes the other's place",
    "written": "after write {} of {}",
}
Place = tuple[str, int, str]  # where, of which epoch or write, of which file


def placed(every: int, epoch_steps: int) -> list[Place]:
    """The places to kill at; last.ckpt is written every so many steps, and once more at the epoch's end."""
    end = (epoch_steps - 1) // every + 1
    return [
        *(("validation", epoch, "") for epoch in (0, 2, 4)),
        *(("last-batch", epoch, "") for epoch in (0, 3, 4)),
        *(("writing", number, "last.ckpt") for number in (2, end - 1, end, end + 1)),
        *(("writing", number, "best.ckpt") for number in (1, 2)),
        *(("written", number, "last.ckpt") for number in (1, end, end + 2)),
        ("written", 1, "best.ckpt"),
    ]


class KillAt(Callback):
    """Kill this process at a place."""

    def __init__(self, place: str, number: int, file: str) -> None:
        self.place, self.number, self.file, self.count = place, number, file, 0
        if file:
            self.replace, os.replace = os.replace, self.replacing  # type: ignore[assignment]

    def replacing(self, source: Path, target: Path) -> None:
        counts = Path(target).name == self.file
        self.count += counts
        if counts and self.place == "writing" and self.count == self.number:
            os.truncate(source, Path(source).stat().st_size // 2)  # as if the kill came before all was there
            self.die_if(self.number)
        self.replace(source, target)
        if counts:
            self.die_if(self.count)

    def die_if(self, number: int) -> None:
        if number == self.number:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self.place == "validation" and not trainer.sanity_checking:
            self.die_if(trainer.current_epoch)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.place == "last-batch" and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.die_if(trainer.current_epoch)


class Victim(DigitCLI):
    """DigitCLI with a place to die at."""

    def __init__(self, args: list[str], kill: KillAt) -> None:
        self.kill = kill
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.insert(0, self.kill)
        return trainer


class Row(NamedTuple):
    """A killed run that went on: its line in the table, where from, whether all is equal."""

    line: str
    start: str
    equal: bool


class Runs:
    """The commands of one experiment, each in a folder of its own."""

    def __init__(self, config: str, folder: Path, every: int) -> None:
        content = yaml.safe_load(Path(config).read_text())
        for callback in content["trainer"]["callbacks"]:
            if callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint":
                callback["init_args"]["every_n_train_steps"] = every
        own = folder / "config.yaml"
        own.write_text(yaml.safe_dump(content))
        self.arguments = ["fit", f"--config={own}", f"--data.data_dir={Path('data').resolve()}"]
        self.folder = folder
        memory = Path("/dev/shm")  # another file system than the run's
        self.environment = {**os.environ, **({"TMPDIR": str(memory)} if memory.is_dir() else {})}

    def start(self, name: str, *more: str, victim: Place | None = None) -> subprocess.Popen[str]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        program = ["-m", "digitrec"]
        if victim:
            program = ["-m", "scripts.faults", "victim", *map(str, victim)]
        return subprocess.Popen(
            [sys.executable, *program, *self.arguments, *more],
            cwd=folder,
            env=self.environment,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def finish(self, name: str, *more: str) -> None:
        said, status = self.ended(name, *more)
        if status and "There is nothing to resume" not in said:
            raise SystemExit(f"{name}: {said}")

    def ended(self, name: str, *more: str) -> tuple[str, int]:
        """Run to the end: what was said, and the exit status."""
        process = self.start(name, *more)
        said = process.communicate()[1]
        return said, process.returncode

    def undisturbed(self) -> float:
        """Run once to the end; the seconds from the making of the run folder on."""
        process = self.start("undisturbed")
        begin = self.begin("undisturbed", process)
        process.communicate()
        if process.returncode:
            raise SystemExit("The undisturbed run failed.")
        return time.perf_counter() - begin

    def begin(self, name: str, process: subprocess.Popen[str]) -> float:
        while not (self.folder / name / RUN / "config.yaml").exists() and process.poll() is None:
            time.sleep(0.001)
        return time.perf_counter()

    def killed_after(self, name: str, seconds: float) -> bool:
        """Kill a run some seconds after its folder is there; False where it was faster."""
        process = self.start(name)
        self.begin(name, process)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def killed_at(self, name: str, place: Place) -> None:
        process = self.start(name, victim=place)
        said = process.communicate()[1]
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"{name} was not killed at {place}: {said}")

    def epoch_steps(self) -> int:
        last = self.folder / "undisturbed" / RUN / "checkpoints" / "last.ckpt"
        return int(torch.load(last, weights_only=True)["callbacks"]["ExactResume"]["epoch_steps"])

    def row(self, name: str, moment: str) -> Row:
        """Go on with a killed run and compare it."""
        folder, whole = self.folder / name / RUN, self.folder / "undisturbed" / RUN
        reached = max((step for points in curves(folder).values() for step, _ in points), default=0)
        start = self.go_on(name, folder)
        equal = {
            part: all(same(load(folder, file, part), load(whole, file, part)) for file in ("last", "best"))
            for part in ("weights", "rest")
        }
        equal["curves"] = curves(folder) == curves(whole)
        equal["config"] = (folder / "config.yaml").read_text() == (whole / "config.yaml").read_text()
        equal["one folder"] = [path.name for path in folder.parent.iterdir()] == [folder.name]
        shutil.rmtree(self.folder / name)
        words = ["equal" if equal.pop(part) else DIFFERENT for part in ("weights", "rest", "curves")]
        words.append("equal" if all(equal.values()) else DIFFERENT)
        cells = [moment, reached, start, *words]
        return Row("| " + " | ".join(map(str, cells)) + " |", start, DIFFERENT not in words)

    def go_on(self, name: str, folder: Path) -> str:
        """Go on with a killed run, or start it again if nothing was saved yet; where that was."""
        last = folder / "checkpoints" / "last.ckpt"
        if last.exists():
            checkpoint = torch.load(last, weights_only=True)
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            self.finish(name, "--ckpt_path=last")
            return f"{checkpoint['global_step']}, {END if progress['is_last_batch'] else INSIDE}"
        said, status = self.ended(name, "--ckpt_path=last")
        if status != 1 or "has no checkpoint" not in said:
            raise SystemExit(f"{name} has no checkpoint, but --ckpt_path last says: {said}")
        shutil.rmtree(folder)
        self.finish(name)
        return NOTHING


def load(run: Path, file: str, part: str) -> Any:
    """The weights of a checkpoint, or all else that it knows."""
    content = torch.load(run / "checkpoints" / f"{file}.ckpt", weights_only=True)
    weights = content.pop("state_dict")
    for state in content["callbacks"].values():
        state.pop("current_score", None)  # Lightning writes it, and never reads it
    return weights if part == "weights" else content


def same(one: Any, other: Any) -> bool:
    """Whether two parts of checkpoints are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """The points of a run as TensorBoard shows them: for each tag (step, value)."""
    events = EventAccumulator(str(run))
    events.Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def main() -> None:
    """Kill, go on, compare; exit status 1 where something differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="configs/fast.yaml")
    parser.add_argument("--kills", type=int, default=20, help="at moments drawn at random; 20 by default")
    parser.add_argument("--placed", type=int, help="how many of the placed ones; all by default")
    parser.add_argument(
        "--every", type=int, default=40, help="steps between writes of last.ckpt; 40 by default"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--write", action="store_true", help="write the table into docs/faults.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix=".faults-") as folder:
        runs = Runs(options.config, Path(folder).resolve(), options.every)
        seconds = runs.undisturbed()
        at_random = list(killed_at_random(runs, options.kills, seconds, options.seed))
        at_places = []
        for place in placed(options.every, runs.epoch_steps())[: options.placed]:
            runs.killed_at("placed", place)
            at_places.append(runs.row("placed", PLACES[place[0]].format(*place[1:])))
            print(at_places[-1].line, file=sys.stderr)
    rows = [*at_random, *at_places]
    print(text := report(options.config, options.every, at_random, rows))
    if options.write:
        write_section("faults", text, Path("docs/faults.md"))
    raise SystemExit(not all(row.equal for row in rows))


def killed_at_random(runs: Runs, kills: int, seconds: float, seed: int) -> Iterator[Row]:
    """Kill so many runs at moments drawn at random, and go on with each."""
    moments, done = random.Random(seed), 0
    while done < kills:
        moment = moments.uniform(0, seconds)
        if runs.killed_after("random", moment):
            done += 1
            yield (row := runs.row("random", f"{moment:.2f} s after the start"))
            print(row.line, file=sys.stderr)
        else:
            shutil.rmtree(runs.folder / "random")


def report(config: str, every: int, at_random: list[Row], rows: list[Row]) -> str:
    """The table under a sentence of what was found."""
    inside, end, nothing = (
        sum(row.start.endswith(where) for row in at_random) for where in (INSIDE, END, NOTHING)
    )
    return "\n".join(
        [
            f"`{config}`, `last.ckpt` written every {every} steps: {sum(row.equal for row in rows)} of "
            f"{len(rows)} killed runs ended with the same bits as one never stopped. Of the {len(at_random)} "
            f"killed at random {inside} went on inside an epoch, {end} from an epoch's end, {nothing} had "
            f"no checkpoint yet: they said so, and were started again. {machine()}.\n",
            "| killed | last point logged | gone on from step | weights | optimizer, schedule, counters "
            "| curves | config, folder |",
            "|---|---|---|---|---|---|---|",
            *(row.line for row in rows),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["victim"]:
        ignore_warnings()
        Victim(sys.argv[5:], KillAt(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    else:
        main()
