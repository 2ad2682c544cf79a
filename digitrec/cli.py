"""The command line: LightningCLI for the classifier and the page detector, and one sentence for a mistake.

digitrec {fit,validate,test,predict} [--config FILE] [--KEY VALUE ...] [--ckpt_path best|last|pretrained|FILE]
digitrec detector {fit,validate} [the same]
"""

import sys
import threading
from collections.abc import Sequence
from typing import ClassVar

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer

from digitrec.data.datamodule import MNISTDataModule
from digitrec.errors import DigitrecError, RunStoppedError
from digitrec.exit_status import reporting
from digitrec.training.callbacks import ExactResume, Figures, Hyperparameters, Progress, StopAtDivergence
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.callbacks.report import ReportWriter
from digitrec.training.classifier import DigitClassifier
from digitrec.training.messages import ignore_warnings, of_detector, report_thread, unrestored, user_error
from digitrec.training.processes import is_first, lost_connection
from digitrec.training.run_cli import RunCLI

DETECTOR = "detector"
"""The word after which a command is about the page detector."""


class DigitCLI(RunCLI):
    """The command line of the classifier: DigitClassifier and MNISTDataModule."""

    kind = DigitClassifier, MNISTDataModule
    callbacks: ClassVar = {
        # Figures has to come before weight averaging, which removes its weights when a validation ends.
        "fit": (ExactResume, StopAtDivergence, Figures, Hyperparameters, Progress),
        "validate": (Figures, Progress),
        "test": (Figures, Hyperparameters, ReportWriter, Progress),
        "predict": (PredictionsWriter,),
    }
    configured: ClassVar = {"predictions": PredictionsWriter, "figures": Figures}
    parser_texts: ClassVar = {
        "prog": "digitrec",
        "description": "Train the classifier of digits, evaluate it, and predict with it. The page detector "
        f"has commands of its own: digitrec {DETECTOR} --help.",
    }


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 1 if a picture could not be read, or that of a training that was asked to stop, in
        a process that does not report it.

    Raises:
        DigitrecError: a mistake of the user, or a training that stopped.
    """
    ignore_warnings()
    args = list(sys.argv[1:] if args is None else args)
    detector = args[:1] == [DETECTOR]
    threading.excepthook = report_thread
    try:
        return _status(_detector_cli()(args[1:]).trainer if detector else DigitCLI(args).trainer)
    except RunStoppedError as error:
        if not is_first():  # all processes agree on it: one reports it
            return error.status
        reported: DigitrecError = error
    except (DigitrecError, ArgumentError, MisconfigurationException) as error:
        reported = user_error(error)
    except Exception as error:
        known = lost_connection(error) or unrestored(error)
        if known is None:
            raise
        reported = DigitrecError(known)
    if detector:
        reported.args = (of_detector(str(reported)),)
    raise reported


def _detector_cli() -> type[RunCLI]:
    """Return DetectorCLI; it is imported here, since rendering pages needs OpenCV, which is optional."""
    try:
        from digitrec.training.detector_cli import DetectorCLI
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        missing = "The package opencv-python-headless is missing: pip install 'digitrec[pages]'."
        raise DigitrecError(missing) from None
    return DetectorCLI


def _status(trainer: Trainer) -> int:
    """1 if some of the user's pictures could not be read."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    failed = sum(callback.failed for callback in callbacks if isinstance(callback, PredictionsWriter))
    if failed:
        print(f"digitrec: {failed} of the pictures could not be read.", file=sys.stderr)
    return 1 if failed else 0
