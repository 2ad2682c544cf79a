"""Plain PyTorch modules and what belongs to trained weights; no Lightning."""

from digitrec.models.checkpoints import PRETRAINED, load_classifier, read_checkpoint
from digitrec.models.detector import DigitDetector
from digitrec.models.mlp import MLP
from digitrec.models.recognizer import Recognizer
from digitrec.models.tta import TTA

__all__ = ["MLP", "PRETRAINED", "TTA", "DigitDetector", "Recognizer", "load_classifier", "read_checkpoint"]
