"""A process of several, as tests/training/test_processes.py starts them: commands, one after the other.

python -m tests.training.one_of_several COMMANDS    a JSON list of lists of arguments

It writes the images of each epoch into order-RANK.txt. In the environment KILL_AT_STEP kills rank 1 there.
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


def recorded(self):
    order = list(in_order(self))
    with ORDERS.open("a") as file:
        file.write(" ".join(map(str, order)) + "\n")
    return iter(order)


def mortal(self, *args):
    if RANK == 1 and self.trainer.global_step == int(os.environ.get("KILL_AT_STEP", -1)):
        os.kill(os.getpid(), signal.SIGKILL)
    return trained(self, *args)


if __name__ == "__main__":
    mnist.FILES = digests_in(Path("data"))
    in_order, ShuffledSampler.__iter__ = ShuffledSampler.__iter__, recorded
    trained, DigitClassifier.training_step = DigitClassifier.training_step, mortal
    commands = json.loads(sys.argv.pop())
    raise SystemExit(max(main(command) for command in commands))
