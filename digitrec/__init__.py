"""digitrec recognizes handwritten digits: a small PyTorch Lightning project on MNIST.

The public names are imported when they are first used, so that ``import digitrec`` costs nothing.
"""

from typing import TYPE_CHECKING

from digitrec._lazy import lazy_names

if TYPE_CHECKING:
    from digitrec.data.datamodule import MNISTDataModule
    from digitrec.errors import CheckpointError, PictureError
    from digitrec.models.mlp import MLP
    from digitrec.reading.reader import Reader
    from digitrec.reading.results import Digit, Reading
    from digitrec.training.classifier import DigitClassifier

__version__ = "0.2.0"

__all__ = [
    "MLP",
    "CheckpointError",
    "Digit",
    "DigitClassifier",
    "MNISTDataModule",
    "PictureError",
    "Reader",
    "Reading",
    "__version__",
]

_MODULES = {
    "CheckpointError": "errors",
    "Digit": "reading.results",
    "DigitClassifier": "training.classifier",
    "MLP": "models.mlp",
    "MNISTDataModule": "data.datamodule",
    "PictureError": "errors",
    "Reader": "reading.reader",
    "Reading": "reading.results",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
