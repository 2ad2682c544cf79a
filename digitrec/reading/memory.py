"""Memory that is freed and should not stay with the process."""

import ctypes
import os
import sys

LARGE = 1_000_000
"""Pixels of a view from which on its memory, 100 bytes for each pixel, is given back."""


def give_back() -> None:
    """Give freed memory back to the system.

    glibc keeps it in pieces, into which the layers of a next picture of another shape don't fit: several
    large pictures one after the other took 330 MB, of which 280 MB were free.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and keeps less
        if trim is not None:
            trim(0)


def limit_cache() -> None:
    """Let oneDNN keep 128 compiled convolutions, those of five views; 1024 of them take 40 MB more.

    It has an effect before the first convolution of the process only.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
