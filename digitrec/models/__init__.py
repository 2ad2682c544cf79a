"""Plain PyTorch modules and what belongs to trained weights; no Lightning.

The public names are imported when they are first used: the web server reads without PyTorch.
"""

from typing import TYPE_CHECKING

from digitrec._lazy import lazy_names

if TYPE_CHECKING:
    from digitrec.models.checkpoints import load_classifier, read_checkpoint
    from digitrec.models.detector import DigitDetector
    from digitrec.models.mlp import MLP
    from digitrec.models.pretrained import PRETRAINED
    from digitrec.models.recognizer import Recognizer
    from digitrec.models.tta import TTA

__all__ = ["MLP", "PRETRAINED", "TTA", "DigitDetector", "Recognizer", "load_classifier", "read_checkpoint"]

_MODULES = {
    "DigitDetector": "detector",
    "MLP": "mlp",
    "PRETRAINED": "pretrained",
    "Recognizer": "recognizer",
    "TTA": "tta",
    "load_classifier": "checkpoints",
    "read_checkpoint": "checkpoints",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
