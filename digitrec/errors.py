"""The exceptions of digitrec. The message of each is one sentence for the user.

DigitrecError
├── UsageError            a command line or a config that is wrong
├── CheckpointError       no such checkpoint, or one that must not be loaded
├── ExportError           a checkpoint that cannot become an ONNX file
├── PictureError          a picture that cannot be read (a ValueError, too)
├── MNISTUnavailableError the MNIST files are missing and cannot be downloaded
└── TrainingError         a training that stopped before its last epoch
    ├── RunStoppedError   Ctrl-C or SIGTERM asked it to stop, and it has saved
    └── DivergedError     the loss or a weight is NaN or infinite
"""


class DigitrecError(Exception):
    """Base class of all errors that are reported to the user in one sentence."""

    status = 1
    """Exit status of the process, as exit_status.py lists them."""


class UsageError(DigitrecError):
    """The command line or a config is wrong."""

    status = 2


class CheckpointError(DigitrecError):
    """There is no checkpoint as asked for, or it must not be loaded."""


class ExportError(DigitrecError):
    """A checkpoint cannot become an ONNX file that gives the same results."""


class PictureError(DigitrecError, ValueError):
    """A picture cannot be read; the message names it."""


class MNISTUnavailableError(DigitrecError):
    """The MNIST files are missing; the message, of several lines, says why and which files to put where."""


class TrainingError(DigitrecError):
    """A training stopped before its last epoch."""


class RunStoppedError(TrainingError):
    """The run was asked to stop, and ``last.ckpt`` is written; the message says how to resume it.

    Args:
        message: for the user.
        status: exit status of the process, 128 + the number of the signal.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DivergedError(TrainingError):
    """The loss or a weight is NaN or infinite; the message says where, and which checkpoint is left."""


def sentence(error: Exception) -> str:
    """Return the message of an error in one line; of an OSError the file and the reason."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
