"""Kill a run with SIGKILL, go on, and compare with a run that was never stopped: every bit must be the same.

python scripts/faults.py --write                20 moments drawn at random and the placed ones; docs/faults.md
python scripts/faults.py --kills 2 --placed 0   a short look

Each run is `digitrec fit` on the real MNIST in a process of its own, about ten seconds. A random moment lies
between the making of the run folder and the end; before it there is nothing to lose. At a placed one the
process kills itself, at that point of the code. What must be equal: in last.ckpt and best.ckpt the weights,
the state of optimizer and schedule, and all counters; every point of every curve; config.yaml.
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
from pathlib import Path
from typing import Any

import torch
from benchmark import machine
from lightning.pytorch import Callback, Trainer
from readme import write_section
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.messages import silence_what_no_user_can_change

RUN = Path("lightning_logs/version_0")
PLACES = {
    "validation": "in the validation of epoch {}",
    "last-batch": "after the last batch of epoch {}",
    "write": "in write {} of a checkpoint, before it takes the other's place",
    "written": "after write {} of a checkpoint",
}
PLACED = [
    *(("validation", epoch) for epoch in (0, 2, 4)),
    *(("last-batch", epoch) for epoch in (0, 3, 4)),
    # Writes 1 and 4 are of steps; 2 is best.ckpt at an epoch's end and 3 last.ckpt, 5 the next best.ckpt.
    *(("write", number) for number in (2, 3, 4, 5)),
    *(("written", number) for number in (1, 4)),
]


class KillAt(Callback):
    """Kill this process at a place."""

    def __init__(self, place: str, number: int) -> None:
        self.place, self.number, self.count = place, number, 0
        name = {"write": "fsync", "written": "replace"}.get(place)
        if name is not None:
            setattr(os, name, self.around(getattr(os, name)))

    def around(self, function: Any) -> Any:
        def counting(*args: Any) -> None:
            self.count += 1
            if self.place == "write":
                self.die_if(self.count)
            function(*args)
            self.die_if(self.count)

        return counting

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


class Runs:
    """The commands of one experiment, each in a folder of its own."""

    def __init__(self, config: str, folder: Path) -> None:
        self.arguments = [
            "fit",
            f"--config={Path(config).resolve()}",
            f"--data.data_dir={Path('data').resolve()}",
        ]
        self.folder = folder
        memory = Path("/dev/shm")  # another file system than the run's
        self.environment = {**os.environ, **({"TMPDIR": str(memory)} if memory.is_dir() else {})}

    def start(self, name: str, *more: str, victim: tuple[str, int] | None = None) -> subprocess.Popen[str]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        program = ["-m", "digitrec"]
        if victim:
            program = [str(Path(__file__).resolve()), "victim", victim[0], str(victim[1])]
        return subprocess.Popen(
            [sys.executable, *program, *self.arguments, *more],
            cwd=folder,
            env=self.environment,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def finish(self, name: str, *more: str) -> None:
        process = self.start(name, *more)
        said = process.communicate()[1]
        if process.returncode and "There is nothing to resume" not in said:
            raise SystemExit(f"{name}: {said}")

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

    def killed_at(self, name: str, place: str, number: int) -> None:
        process = self.start(name, victim=(place, number))
        said = process.communicate()[1]
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"{name} was not killed at {place} {number}: {said}")

    def row(self, name: str, moment: str) -> tuple[str, bool]:
        """Go on with a killed run and compare it: a row of the table, and whether all is equal."""
        folder, whole = self.folder / name / RUN, self.folder / "undisturbed" / RUN
        last = folder / "checkpoints" / "last.ckpt"
        steps = torch.load(last, weights_only=True)["global_step"] if last.exists() else None
        reached = max((step for points in curves(folder).values() for step, _ in points), default=0)
        if steps is None:
            shutil.rmtree(folder)  # nothing was saved yet: the same command again
            self.finish(name)
        else:
            self.finish(name, "--ckpt_path=last")
        equal = {
            part: all(same(load(folder, file, part), load(whole, file, part)) for file in ("last", "best"))
            for part in ("weights", "rest")
        }
        equal["curves"] = curves(folder) == curves(whole)
        equal["config"] = (folder / "config.yaml").read_text() == (whole / "config.yaml").read_text()
        equal["one folder"] = [path.name for path in folder.parent.iterdir()] == [folder.name]
        shutil.rmtree(self.folder / name)
        cells = [moment, reached, "the start" if steps is None else steps]
        cells += [
            "equal" if equal.pop(part) else "**different**" for part in ("weights", "rest", "curves")
        ] + ["equal" if all(equal.values()) else "**different**"]
        return "| " + " | ".join(map(str, cells)) + " |", "**" not in str(cells)


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
    parser.add_argument("--placed", type=int, default=len(PLACED), help="how many of the placed ones; all")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--write", action="store_true", help="write the table into docs/faults.md")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=".", prefix=".faults-") as folder:
        runs = Runs(options.config, Path(folder).resolve())
        seconds = runs.undisturbed()
        moments = random.Random(options.seed)
        while len(rows) < options.kills:
            moment = moments.uniform(0, seconds)
            if runs.killed_after("random", moment):
                rows.append(runs.row("random", f"{moment:.2f} s after the start"))
                print(rows[-1][0], file=sys.stderr)
            else:
                shutil.rmtree(runs.folder / "random")
        for place, number in PLACED[: options.placed]:
            runs.killed_at("placed", place, number)
            rows.append(runs.row("placed", PLACES[place].format(number)))
            print(rows[-1][0], file=sys.stderr)
    equal = sum(whole for _, whole in rows)
    lines = [
        f"`{options.config}`: {equal} of {len(rows)} killed runs ended with the same bits as one never "
        f"stopped; {machine()}.\n",
        "| killed | last point logged | gone on from step | weights | optimizer, schedule, counters | curves "
        "| config, folder |",
        "|---|---|---|---|---|---|---|",
        *(row for row, _ in rows),
    ]
    print(*lines, sep="\n")
    if options.write:
        write_section("faults", "\n".join(lines), Path("docs/faults.md"))
    raise SystemExit(equal < len(rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["victim"]:
        silence_what_no_user_can_change()
        Victim(sys.argv[4:], KillAt(sys.argv[2], int(sys.argv[3])))
    else:
        main()
