"""Worker of a sweep on the fake MNIST in data/, started by test_sweep.py."""

from pathlib import Path

from digitrec.data import mnist
from scripts import sweep
from tests.conftest import digests_in

if __name__ == "__main__":
    mnist.FILES = digests_in(Path("data"))
    sweep.main()
