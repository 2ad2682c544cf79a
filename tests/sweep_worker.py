"""scripts/sweep.py on the fake MNIST in data/: a worker, as tests/test_sweep.py starts them."""

import sys
from pathlib import Path

from conftest import ROOT, digests_in

sys.path.insert(0, str(ROOT / "scripts"))

import sweep

from digitrec import download

if __name__ == "__main__":
    download.FILES = digests_in(Path("data"))
    sweep.main()
