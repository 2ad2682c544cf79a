"""A training from Python: its checkpoint is read by everything that reads checkpoints."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image

from digitrec import MLP, CheckpointError, DigitClassifier, MNISTDataModule, Reader
from digitrec.cli import DigitCLI
from digitrec.data import RandomDistortion
from digitrec.models import TTA, read_checkpoint
from tests.conftest import ROOT

[CELL] = re.findall(
    r"A cell of a notebook:\n\n```python\n(.*?)```", (ROOT / "docs/using.md").read_text(), re.DOTALL
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*can be a bottleneck", "ignore:The number of training batches", "ignore:.*litlogger"
)


def train(model, **data):
    trainer = Trainer(max_epochs=1, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(model, MNISTDataModule(val_size=50, **data))
    return Path(trainer.checkpoint_callback.best_model_path)


def same_weights(network, state):
    return all(torch.equal(value, state[f"network.{key}"]) for key, value in network.state_dict().items())


def test_checkpoint_is_read_by_reader_test_and_load_from_checkpoint(workplace):
    model = DigitClassifier(MLP((9,)), torch.optim.Adam, tta=TTA(rotation=3.0), threshold=0.3)
    path = train(model, augment=RandomDistortion(shift=1.5))
    checkpoint = read_checkpoint(path)
    assert checkpoint["hyper_parameters"]["optimizer"] == {"class_path": "torch.optim.Adam", "init_args": {}}
    assert checkpoint["datamodule_hyper_parameters"]["augment"]["init_args"]["shift"] == 1.5
    reader = Reader.from_checkpoint(path)
    assert same_weights(reader.classifier.network, model.state_dict())
    assert (reader.classifier.threshold, reader.classifier.tta.rotation) == (0.3, 3.0)
    tested = DigitCLI(["test", f"--ckpt_path={path}", "--trainer.logger=false"])
    assert same_weights(tested.model.network, model.state_dict())
    loaded = DigitClassifier.load_from_checkpoint(path, map_location="cpu")
    assert loaded.network.hidden == (9,)


def test_notebook_cell_of_the_docs(workplace, capsys):
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save("photo.jpg")
    names = {}
    exec(CELL.replace("max_epochs=5", "max_epochs=1").replace("val_size=5000", "val_size=50"), names)
    assert capsys.readouterr().out.splitlines()[-1] == " 0.0"
    assert read_checkpoint(names["path"])["hyper_parameters"]["optimizer"]["init_args"] == {"lr": 0.001}


def test_lambda_trains_with_a_warning_and_is_named_by_the_checkpoint(workplace):
    model = DigitClassifier(MLP((4,)), lambda parameters: torch.optim.SGD(parameters, 0.1))
    sentence = (
        r"cannot build model\.optimizer, which is a function, <lambda>: use a class, or functools\.partial"
    )
    with pytest.warns(UserWarning, match=sentence):
        path = train(model)
    with pytest.raises(CheckpointError, match=sentence):
        Reader.from_checkpoint(path)


def test_data_that_cannot_be_described_is_left_out(workplace):
    path = train(
        DigitClassifier(MLP((4,)), partial(torch.optim.SGD, lr=0.1)), synthetic=lambda *digits: digits
    )
    assert "synthetic" not in read_checkpoint(path)["datamodule_hyper_parameters"]
