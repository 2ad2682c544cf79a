"""DetectorCLI: the command line of the page detector's training."""

from typing import ClassVar

from digitrec.data.pages.datamodule import PageDataModule
from digitrec.training.callbacks import ExactResume, Hyperparameters, Progress, StopAtDivergence
from digitrec.training.detector import DetectorTraining
from digitrec.training.run_cli import RunCLI


class DetectorCLI(RunCLI):
    """The command line of the page detector: DetectorTraining and PageDataModule."""

    kind = DetectorTraining, PageDataModule
    callbacks: ClassVar = {
        "fit": (ExactResume, StopAtDivergence, Hyperparameters, Progress),
        "validate": (Progress,),
    }
    trains_detector = True
    parser_texts: ClassVar = {
        "prog": "digitrec detector",
        "description": "Train the page detector on rendered pages, and validate it: docs/detector.md.",
    }
