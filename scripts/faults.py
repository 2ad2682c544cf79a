r"""Kill runs with SIGKILL, resume them and compare them, bit for bit, with a run that was not killed.

python -m scripts.faults --write                20 random moments and all places
python -m scripts.faults --config configs/best.yaml --config scripts/lib/faults/combined.yaml \
    --every 8 --kills 4 --write                 the same with EMA, accumulation and two processes
python -m scripts.faults --kills 2 --placed 0   a short check
python -m scripts.faults --together 4 --write   20 rounds of 4 short runs that start at once: none is lost

Each run is `digitrec fit` on the real MNIST in its own process, about ten seconds. A random moment is
between the creation of the run folder and the end. At a fixed place in the code the process kills itself.
last.ckpt is written more often than the config says (--every), so that most moments are inside an epoch and
after a checkpoint of that epoch. Compared are, in last.ckpt and best.ckpt, the weights, the state of
optimizer and schedule and all counters; all points of all curves; and config.yaml. A run without a checkpoint
must report that it cannot be resumed. --write puts the table into docs/results/kills.md and the summary into
docs/promises.md.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.lib.docs import KILLS, machine, write_result, write_section
from scripts.lib.faults.kills import PLACES, places
from scripts.lib.faults.runs import END, INSIDE, NOTHING, Row, Runs


def main() -> None:
    """Kill, resume and compare; exit status 1 if something differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", action="append", help="may be repeated; default: configs/fast.yaml")
    parser.add_argument("--kills", type=int, default=20, help="at random moments; 20 by default")
    parser.add_argument("--placed", type=int, help="how many of the kills at fixed places; all by default")
    parser.add_argument(
        "--every", type=int, default=40, help="steps between writes of last.ckpt; 40 by default"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--write", action="store_true", help="write the results into the docs")
    parser.add_argument("--together", type=int, help="start so many runs at once, and kill none")
    parser.add_argument("--rounds", type=int, default=20, help="of --together; 20 by default")
    options = parser.parse_args()
    configs = options.config or ["configs/fast.yaml"]
    with tempfile.TemporaryDirectory(dir=".", prefix=".faults-") as folder:
        runs = Runs(configs, Path(folder).resolve(), options.every)
        if options.together:
            raise SystemExit(start_together(runs, options.together, options.rounds, options.write))
        runs.run_reference()
        rows = [*killed_at_random(runs, options.kills, options.seed), *killed_at_places(runs, options.placed)]
    text = report(configs, options.every, rows[: options.kills], rows)
    print(text)
    if options.write:
        write_section(f"faults {Path(configs[0]).stem}", text, KILLS)
        command = ["python -m scripts.faults", *(f"--config {config}" for config in options.config or ())]
        write_result(" ".join(command), f"{equal(rows)} of {len(rows)} killed runs equal")
    raise SystemExit(equal(rows) < len(rows))


def start_together(runs: Runs, count: int, rounds: int, write: bool) -> bool:
    """Start several runs at once, round after round; return whether one was lost."""
    lost = runs.lost_together(count, rounds)
    result = f"{rounds} rounds of {count} starts at once: {lost} of {rounds * count} runs lost"
    print(result)
    if write:
        write_result(f"python -m scripts.faults --together {count}", result)
    return lost > 0


def killed_at_random(runs: Runs, kills: int, seed: int) -> Iterator[Row]:
    """Kill and resume runs at random moments."""
    moments, done = random.Random(seed), 0
    while done < kills:
        moment = moments.uniform(0, runs.seconds)
        if runs.killed_after("random", moment):
            done += 1
            yield (row := runs.row("random", f"{moment:.2f} s after the start"))
            print(row.line, file=sys.stderr)
        else:
            shutil.rmtree(runs.folder / "random")


def killed_at_places(runs: Runs, most: int | None) -> Iterator[Row]:
    """Kill and resume runs at fixed places in the code."""
    for place in places(runs.every, runs.epoch_steps())[:most]:
        runs.killed_at("placed", place)
        yield (row := runs.row("placed", PLACES[place[0]].format(*place[1:])))
        print(row.line, file=sys.stderr)


def equal(rows: list[Row]) -> int:
    """Return how many runs were equal to the one that was not killed."""
    return sum(row.equal for row in rows)


def report(configs: list[str], every: int, at_random: list[Row], rows: list[Row]) -> str:
    """Return a summary and the table."""
    inside, end, nothing = (
        sum(row.start.endswith(where) for row in at_random) for where in (INSIDE, END, NOTHING)
    )
    return "\n".join(
        [
            f"`{'` with `'.join(configs)}`, `last.ckpt` written every {every} steps: {equal(rows)} of "
            f"{len(rows)} killed runs ended with the same bits as a run that was not killed. Of the "
            f"{len(at_random)} runs killed at random moments, {inside} resumed inside an epoch and {end} at "
            f"the end of an epoch; {nothing} reported that they had no checkpoint and were started again. "
            f"{machine()}.\n",
            "| killed | last step logged | resumed from step | weights | optimizer, schedule, counters "
            "| curves | config, folder |",
            "|---|---|---|---|---|---|---|",
            *(row.line for row in rows),
        ]
    )


if __name__ == "__main__":
    main()
