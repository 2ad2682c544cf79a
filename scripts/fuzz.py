"""Read thousands of damaged picture files: each must soon be read, or refused in one sentence.

python -m scripts.fuzz --count 2000 --seed 1 --keep fuzz/   copies failures into fuzz/; exit status 1

Small pictures of every format that the reader takes, in each mode that Pillow writes, are damaged (see
scripts/lib/fuzzing). Half of the PNG files get correct checksums again, so that decoding goes on. HEIC needs
pillow-heif. --onnx reads with ONNX Runtime, as the web server does, and not with PyTorch. --write puts the
table into docs/results/attacks.md and the summary into docs/promises.md; with --onnx the summary alone into
attacks.md.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from scripts.lib.docs import ATTACKS, machine, markdown_table, write_result, write_section
from scripts.lib.fuzzing.mutations import mutated
from scripts.lib.fuzzing.samples import samples
from scripts.lib.fuzzing.worker import Worker

MEGABYTES = 300
"""Memory that reading all of the files may add to the process."""

SECONDS = 10.0
"""CPU time that reading a file may take."""

SUCCESSES = {"read", "refused"}


class Outcome(NamedTuple):
    """What became of the damaged files of a format.

    Attributes:
        kinds: how many were read, refused or failed, by the first word of the outcome.
        megabytes: peak growth of the process that read them.
        seconds: of CPU, of the slowest file.
    """

    kinds: Counter[str]
    megabytes: float
    seconds: float

    @property
    def failed(self) -> int:
        """How many files failed."""
        return self.kinds.total() - sum(self.kinds[success] for success in SUCCESSES)


def fuzz(
    files: list[bytes],
    others: list[bytes],
    count: int,
    chance: random.Random,
    keep: Path,
    onnx: bool = False,
) -> Outcome:
    """Damage files of a format, read them and print the failures.

    Args:
        files: intact ones.
        others: intact ones of all formats, of which parts are mixed in.
        count: how many damaged files to make.
        chance: random numbers.
        keep: folder for the files that fail.
        onnx: read with ONNX Runtime, and not with PyTorch.
    """
    kinds: Counter[str] = Counter()
    worker, peak, slowest = Worker(onnx), 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / f"{number}.png"
            path.write_bytes(mutated(chance, files, others))
            outcome, megabytes, seconds = worker.ask(path)
            slowest, peak = max(slowest, seconds), max(peak, megabytes)
            if megabytes > MEGABYTES:
                outcome = f"memory: {megabytes:.0f} MB"
            elif seconds > SECONDS:
                outcome = f"slow: {seconds:.0f} s"
            if outcome not in SUCCESSES:
                keep.mkdir(parents=True, exist_ok=True)
                print(f"{shutil.copy(path, keep)}: {outcome}")
                worker.stop()
                worker = Worker(onnx)
            kinds[outcome.split(maxsplit=1)[0].rstrip(":")] += 1
    worker.stop()
    return Outcome(kinds, peak, slowest)


def report(outcomes: dict[str, Outcome], seed: int) -> tuple[str, str]:
    """Return the summary in a line, and the table."""
    total: Counter[str] = sum((outcome.kinds for outcome in outcomes.values()), Counter())
    peak = max(outcome.megabytes for outcome in outcomes.values())
    slowest = max(outcome.seconds for outcome in outcomes.values())
    counts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(total.items()))
    summary = f"{total.total():,} files of {len(outcomes)} formats, seed {seed}: {counts}; "
    summary += f"peak {peak:.0f} MB, slowest {slowest:.1f} s of CPU"
    rows = [["format", "read", "refused", "failed", "peak (MB)", "slowest (s)"]]
    for kind, each in outcomes.items():
        cells = [each.kinds["read"], each.kinds["refused"], each.failed]
        rows.append([kind, *map(str, cells), f"{each.megabytes:.0f}", f"{each.seconds:.1f}"])
    return summary, markdown_table(rows, range(1, 6))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="files of each format; 2000 by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="formats that are tried at the same time")
    parser.add_argument("--keep", type=Path, default="fuzz", help="folder for the files that fail")
    parser.add_argument("--onnx", action="store_true", help="read with ONNX Runtime, and not with PyTorch")
    parser.add_argument("--write", action="store_true", help="write the results into the docs")
    options = parser.parse_args()
    intact = samples(random.Random(options.seed))
    others = [file for files in intact.values() for file in files]

    def of_format(kind: str) -> Outcome:
        chance = random.Random(f"{options.seed} {kind}")
        outcome = fuzz(intact[kind], others, options.count, chance, options.keep / kind, options.onnx)
        print(f"{kind}: {dict(outcome.kinds)}", file=sys.stderr, flush=True)
        return outcome

    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = dict(zip(intact, pool.map(of_format, intact), strict=True))
    summary, table = report(outcomes, options.seed)
    print(summary, table, sep="\n\n")
    if options.write and options.onnx:
        write_section("fuzz onnx", f"{summary}. {machine()}.", ATTACKS)
    elif options.write:
        write_section("fuzz", f"{summary}. {machine()}.\n\n{table}", ATTACKS)
        write_result("python -m scripts.fuzz", summary)
    raise SystemExit(any(outcome.failed for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
