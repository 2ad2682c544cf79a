"""Lightning callbacks: checkpoints, exact resume, figures, reports and predictions."""

from digitrec.training.callbacks.detection_sheet import DetectionSheet
from digitrec.training.callbacks.distortion_sheet import DistortionSheet
from digitrec.training.callbacks.divergence import StopAtDivergence
from digitrec.training.callbacks.exact_resume import ExactResume
from digitrec.training.callbacks.figures import Figures
from digitrec.training.callbacks.hparams import Hyperparameters
from digitrec.training.callbacks.last_checkpoint import LastCheckpoint
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.callbacks.progress import EpochProgressBar, Progress
from digitrec.training.callbacks.report import ReportWriter
from digitrec.training.callbacks.run_config import RunConfig

__all__ = [
    "DetectionSheet",
    "DistortionSheet",
    "EpochProgressBar",
    "ExactResume",
    "Figures",
    "Hyperparameters",
    "LastCheckpoint",
    "PredictionsWriter",
    "Progress",
    "ReportWriter",
    "RunConfig",
    "StopAtDivergence",
]
