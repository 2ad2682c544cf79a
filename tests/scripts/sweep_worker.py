"""scripts/sweep.py on the fake MNIST in data/: a worker, as tests/test_sweep.py starts them."""

from pathlib import Path

from digitrec.data import mnist
from scripts import sweep
from tests.conftest import digests_in

if __name__ == "__main__":
    mnist.FILES = digests_in(Path("data"))
    sweep.main()
