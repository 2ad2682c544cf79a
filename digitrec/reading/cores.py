"""The cores of this machine: one thread in each process that reads."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def _one_thread_after_fork() -> None:
    """Keep PyTorch to one thread in a forked child.

    It has none of the threads that PyTorch has started, and would wait for them for ever.
    """
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_one_thread_after_fork)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread: a second one brings little, and waits when other programs use the cores."""
    torch = sys.modules.get("torch")
    if torch is None:  # ONNX Runtime reads, with one thread
        yield
        return
    threads = torch.get_num_threads()
    if threads > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            torch.set_num_threads(threads)


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
