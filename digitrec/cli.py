"""The command line: LightningCLI for the classifier and the page detector, and one sentence for a mistake.

python -m digitrec {fit,validate,test,predict} [--config FILE] [--KEY VALUE ...]
                   [--ckpt_path best|last|pretrained|FILE]
python -m digitrec detector {fit,validate} [the same]
"""

import sys
import threading
from collections.abc import Sequence
from typing import ClassVar

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer

from digitrec.arguments import escape_names
from digitrec.data.datamodule import MNISTDataModule
from digitrec.errors import DigitrecError, MNISTUnavailableError, sentence
from digitrec.training.callbacks import ExactResume, Figures, Hyperparameters, Progress, StopAtDivergence
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.callbacks.report import ReportWriter
from digitrec.training.classifier import DigitClassifier
from digitrec.training.messages import ignore_warnings, of_detector, plain_message, report_thread, unrestored
from digitrec.training.processes import is_first, is_first_of_machine, lost_connection
from digitrec.training.run_cli import RunCLI
from digitrec.training.signals import interruptible, stopping_signal

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
        f"has commands of its own: python -m digitrec {DETECTOR} --help.",
    }


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 128 + the number of the signal that stopped the run, or 1 after a mistake of the
        user, a full disk, a training that diverged or a picture that could not be read; each with one
        sentence on standard error.
    """
    escape_names()
    ignore_warnings()
    args = list(sys.argv[1:] if args is None else args)
    detector = args[:1] == [DETECTOR]
    status = 1
    threading.excepthook = report_thread
    try:
        with interruptible():
            return _status(_detector_cli()(args[1:]).trainer if detector else DigitCLI(args).trainer)
    except (KeyboardInterrupt, SystemExit) as error:
        number = stopping_signal(error)
        if number is None:
            raise
        message, status = f"Stopped by {number.name} before the end.", 128 + number
    except MNISTUnavailableError as error:
        message = str(error)  # a list of sources and files, easier to read over several lines
    except DigitrecError as error:
        if error.status != 1 and not is_first():  # all processes agree on it: one reports it
            return error.status
        message, status = sentence(error), error.status
    except (ArgumentError, MisconfigurationException) as error:
        message = " ".join([plain_message(error), *getattr(error, "__notes__", [])]).strip()
    except OSError as error:
        message = sentence(error)
    except Exception as error:
        known = lost_connection(error) or unrestored(error)
        if known is None:
            raise
        message = known
    if is_first_of_machine():
        print(f"digitrec: {of_detector(message) if detector else message}", file=sys.stderr)
    return status


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
