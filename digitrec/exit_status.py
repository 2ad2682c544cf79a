"""How a command ends: its exit status, and one sentence on standard error if it is not 0.

0    done
1    something failed: a file is missing, a picture cannot be read, the disk is full, a training diverged
2    the command line or a config is wrong
130  Ctrl-C (128 + SIGINT)
143  SIGTERM (128 + SIGTERM)
"""

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType

from digitrec.errors import DigitrecError, MNISTUnavailableError, sentence

Main = Callable[[Sequence[str] | None], int]
"""The function of a command: it takes the arguments, those of the command line by default."""


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived; like Ctrl-C, it is no Exception, which a reader of pictures would catch."""


def reporting(main: Main) -> Callable[..., int]:
    """Let a command return its exit status, with one sentence for an error of digitrec or a signal."""

    @functools.wraps(main)
    def run(args: Sequence[str] | None = None) -> int:
        _escape_names()
        try:
            with interruptible():
                return main(args)
        except BrokenPipeError:  # what reads the output has ended, such as head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (KeyboardInterrupt, SystemExit) as error:
            number = stopping_signal(error)
            if number is None:
                raise
            message, status = f"Stopped by {number.name} before the end.", 128 + number
        except MNISTUnavailableError as error:
            message, status = str(error), error.status  # a list of sources and files, of several lines
        except DigitrecError as error:
            message, status = sentence(error), error.status
        except OSError as error:
            message, status = sentence(error), 1
        if is_first_of_machine():
            print(f"digitrec: {message}", file=sys.stderr)
        return status

    return run


def is_first_of_machine() -> bool:
    """Return whether this process reports errors: of several of a run, one on each machine does.

    All processes of a machine find the same errors, but another machine may lack a file.
    """
    local = (os.environ.get(name) for name in ("LOCAL_RANK", "SLURM_LOCALID"))
    return next((rank for rank in local if rank is not None), "0") == "0"


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Terminated at SIGTERM, which would end the process before it removes unfinished files."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stopping_signal(error: BaseException | None) -> signal.Signals | None:
    """Return the signal that an exception results from: Lightning turns KeyboardInterrupt into SystemExit."""
    while isinstance(error, SystemExit):
        error = error.__context__
    if isinstance(error, Terminated):
        return signal.SIGTERM
    return signal.SIGINT if isinstance(error, KeyboardInterrupt) else None


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _escape_names() -> None:
    """Let standard output take any file name, also with characters that the terminal has not."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
