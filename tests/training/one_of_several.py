"""One of several processes, as tests/training/test_processes.py starts them: runs commands in turn.

python -m tests.training.one_of_several COMMANDS    a JSON list of lists of arguments

It writes the order of the images of each epoch to order-RANK.txt. The environment variable KILL_AT_STEP kills
rank 1 at that step.
"""

import json
import os
import signal
import sys
from pathlib import Path

from digitrec.cli import main
from digitrec.data import mnist
from digitrec.data.samplers import ShuffledSampler
from digitrec.training.classifier import DigitClassifier
from tests.conftest import digests_in

RANK = int(os.environ["RANK"])
ORDERS = Path(f"order-{RANK}.txt")


def iterate_and_record(self):
    order = list(original_order(self))
    with ORDERS.open("a") as file:
        file.write(" ".join(map(str, order)) + "\n")
    return iter(order)


def training_step(self, *args):
    if RANK == 1 and self.trainer.global_step == int(os.environ.get("KILL_AT_STEP", -1)):
        os.kill(os.getpid(), signal.SIGKILL)
    return original_step(self, *args)


if __name__ == "__main__":
    mnist.FILES = digests_in(Path("data"))
    original_order, ShuffledSampler.__iter__ = ShuffledSampler.__iter__, iterate_and_record
    original_step, DigitClassifier.training_step = (
        DigitClassifier.training_step,
        training_step,
    )
    commands = json.loads(sys.argv.pop())
    raise SystemExit(max(main(command) for command in commands))
