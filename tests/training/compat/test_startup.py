import subprocess
import sys

import pytest

STARTUP = "from digitrec.training.compat.startup import import_torchmetrics; import_torchmetrics()"


def printed(code):
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return run.stdout.split()


@pytest.mark.parametrize("name", ["matplotlib.figure", "scipy.ndimage"])
def test_packages_hidden_from_torchmetrics_can_still_be_imported(name):
    pytest.importorskip(name)
    code = (
        f"{STARTUP}; import sys, digitrec.cli; print({name.split('.')[0]!r} in sys.modules); "
        f"import {name}; print({name}.__name__)"
    )
    assert printed(code) == ["False", name]


def test_imported_torchmetrics_is_left_unchanged():
    ours = "[m for m in sys.modules if m.partition('.')[0] not in ('digitrec', 'torchmetrics')]"
    code = f"import torchmetrics, sys; before = {ours}; {STARTUP}; print(len({ours}) - len(before))"
    assert printed(code) == ["0"]
