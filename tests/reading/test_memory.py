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
shape = int(sys.argv[1]), int(sys.argv[2])
reader.read(np.random.default_rng(0).integers(100, 200, shape, dtype=np.uint8))
print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("shape", [(3000, 4000), (100, 40_000), (1, 100_000), (20, 100_000)], ids=str)
def test_noisy_page_without_a_clear_view_is_searched_within_the_memory(shape):
    command = [sys.executable, "-c", GROWTH, *map(str, shape)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert float(run.stdout) < 300
