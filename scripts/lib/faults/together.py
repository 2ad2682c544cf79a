"""Runs that start at the same moment: ``python -m scripts.lib.faults.together COUNT ROUNDS fit ...``.

They are forked after the imports, which take seconds. Each round is in a folder of its own.
"""

import multiprocessing
import os
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

from digitrec.cli import main
from digitrec.training.compat.startup import import_torchmetrics


def start(barrier: Barrier, folder: Path, arguments: list[str]) -> None:
    """Run ``fit`` in a folder as soon as all others of the round are there."""
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    barrier.wait()
    os._exit(main(arguments))


def rounds(count: int, number: int, arguments: list[str]) -> None:
    """Start so many runs at once, round after round."""
    fork = multiprocessing.get_context("fork")
    for each in range(number):
        folder = Path(str(each))
        folder.mkdir()
        barrier = fork.Barrier(count)
        processes = [fork.Process(target=start, args=(barrier, folder, arguments)) for _ in range(count)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()


if __name__ == "__main__":
    import_torchmetrics()
    rounds(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
