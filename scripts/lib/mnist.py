"""MNIST's test images, which scripts measure with and never choose by."""

from pathlib import Path

from torch import Tensor

from digitrec.data.download import ensure_mnist
from digitrec.data.mnist import load_mnist

DATA = "data"


def mnist_test_set(data_dir: str | Path = DATA) -> tuple[Tensor, Tensor]:
    """Return the 10,000 test images, uint8 (10000, 28, 28), and their labels, int64 (10000,).

    Raises:
        MNISTUnavailableError: they are missing and cannot be downloaded.
    """
    ensure_mnist(data_dir)
    return load_mnist(data_dir, train=False)
