"""digitrec recognizes handwritten digits: a small PyTorch Lightning project on MNIST.

The public names load when they are first asked for, so that ``import digitrec`` itself costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "DigitClassifier": "training.classifier",
    "MLP": "models.mlp",
    "MNISTDataModule": "data.datamodule",
    "Reader": "reading.reader",
}
__all__ = ["DigitClassifier", "MLP", "MNISTDataModule", "Reader"]  # noqa: RUF022 - as in _ROOMS


def __getattr__(name: str) -> Any:
    """Import the room of a public name when it is first used (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'digitrec' has no attribute {name!r}")
    return getattr(import_module(f"digitrec.{_ROOMS[name]}"), name)
