"""Ctrl-C and SIGTERM where nothing is saved: before a training and in evaluation and prediction."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived; like Ctrl-C, it is no Exception, which a reader of pictures would catch."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Terminated at SIGTERM; Lightning alone would ignore it outside a training."""
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
