"""Read thousands of damaged picture files: each must soon be read, or refused in one sentence.

python -m scripts.fuzz --count 2000 --seed 1 --keep fuzz/   copies failures into fuzz/; exit status 1

Small pictures of every format and mode that Pillow writes are damaged (see scripts/lib/fuzzing);
half of the PNG files get correct checksums again, so that decoding goes on.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from scripts.lib.fuzzing.mutations import mutated
from scripts.lib.fuzzing.samples import samples
from scripts.lib.fuzzing.worker import Worker

MEGABYTES = 300
"""Memory that reading all of the files may add to the process."""

SUCCESSES = {"read", "refused"}


def fuzz(count: int, seed: int, keep: Path | None) -> int:
    """Read damaged files and print the outcomes.

    Args:
        count: number of files.
        seed: of the files.
        keep: folder for the files that fail.

    Returns:
        The exit status, 1 if a file failed.
    """
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    files = samples(chance)
    outcomes: Counter[str] = Counter()
    worker, peak, slowest = Worker(), 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / f"{seed}-{number}.png"
            path.write_bytes(mutated(chance, files))
            start = time.perf_counter()
            outcome, megabytes = worker.ask(path)
            slowest, peak = max(slowest, time.perf_counter() - start), max(peak, megabytes)
            if megabytes > MEGABYTES:
                outcome = f"memory: {megabytes:.0f} MB"
            if outcome not in SUCCESSES:
                print(f"{path.name}: {outcome}")
                if keep:
                    shutil.copy(path, keep)
                worker.stop()
                worker = Worker()
            outcomes[outcome.split(maxsplit=1)[0].rstrip(":")] += 1
    worker.stop()
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    print(
        f"{count} files made from {len(files)} intact ones, seed {seed}: {counts}; "
        f"peak memory {peak:.0f} MB above the start, slowest {slowest:.1f} s"
    )
    return int(not set(outcomes) <= SUCCESSES)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the files that were neither read nor refused")
    arguments = parser.parse_args()
    sys.exit(fuzz(arguments.count, arguments.seed, arguments.keep))


if __name__ == "__main__":
    main()
