"""DetectorCLI: the command line of the page detector's training."""

from typing import ClassVar

from digitrec.data.pages.datamodule import PageDataModule
from digitrec.training.callbacks import ExactResume, Hyperparameters, StopAtDivergence
from digitrec.training.detector import DetectorTraining
from digitrec.training.run_cli import RunCLI


class DetectorCLI(RunCLI):
    """The command line of the page detector: DetectorTraining and PageDataModule."""

    kind = DetectorTraining, PageDataModule
    callbacks: ClassVar = {
        "fit": (ExactResume, StopAtDivergence, Hyperparameters),
        "validate": (),
    }
    trains_detector = True
    parser_texts: ClassVar = {
        "prog": "python -m digitrec detector",
        "description": "Train the page detector on rendered pages, and validate it: docs/detector.md.",
    }
