"""README: its Python blocks run, and it stays short."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

import digitrec.models
from digitrec.cli import DigitCLI
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
FROM_PYTHON, OWN_NETWORK = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_readme_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.filterwarnings("ignore:.*can be a bottleneck", "ignore:The number of training batches")
def test_train_from_python(workplace, capsys):
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save("photo.jpg")
    exec(
        FROM_PYTHON.replace("max_epochs=5", "max_epochs=1, logger=False").replace(
            "batch_size=128", "val_size=50"
        ),
        {},
    )
    printed = capsys.readouterr().out.splitlines()
    assert "test/acc" in printed[-2]
    assert printed[-1] == ""  # the picture is blank


def test_your_own_network(workplace, monkeypatch):
    names = {"__name__": "digitrec.models"}
    exec(OWN_NETWORK, names)
    monkeypatch.setattr(digitrec.models, "CNN", names["CNN"], raising=False)
    cnn = names["CNN"]()
    assert cnn(torch.zeros(3, 28, 28)).shape == (3, 10)
    quick = [f"--config={ROOT}/configs/fast.yaml", "--data.val_size=50", "--data.batch_size=100"]
    quick += ["--trainer.max_epochs=1", "--trainer.log_every_n_steps=1"]
    fitted = DigitCLI(["fit", *quick, "--model.network=digitrec.models.CNN"])
    assert fitted.trainer.global_step == 4
    assert "test/acc" in DigitCLI(["test"]).trainer.callback_metrics
