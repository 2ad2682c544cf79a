"""Finding digits takes at most 300 MB above what a reader has taken before, on a page of any shape."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

GROWTH = """
import re, sys
from pathlib import Path
import numpy as np
import torch
from digitrec import Reader
torch.set_num_threads(1)
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6
reader = Reader.pretrained()
reader.read(np.full((60, 60), 255, np.uint8))
before = peak()
for shape in (map(int, shape.split("x")) for shape in sys.argv[1:]):
    reader.read(np.random.default_rng(0).integers(100, 200, tuple(shape), dtype=np.uint8))
print(peak() - before)
"""


pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc"),
]


def growth(*shapes):
    command = [sys.executable, "-c", GROWTH, *shapes]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


@pytest.mark.parametrize("shape", ["3000x4000", "100x40000", "1x100000", "20x100000"])
def test_noisy_page_without_a_clear_view_is_searched_within_the_memory(shape):
    assert growth(shape) < 300


def test_what_one_page_takes_is_free_for_the_next():
    """Without giving it back, pages of many shapes took 330 MB."""
    assert growth("51x32553", "65000x11", "51x32553", "65000x11", "2000x2000", "300x9999", "1400x1400") < 300
