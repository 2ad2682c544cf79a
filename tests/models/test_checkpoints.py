import json
import os
import sys

import pytest
import torch

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from tests.checkpoint_files import ADAM, DATA, PLATEAU, mlp, write
from tests.conftest import ROOT


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


def test_checkpoint_is_read(path):
    checkpoint = read_checkpoint(write(path, scheduler=PLATEAU))
    stored = {"network": mlp(4), "optimizer": ADAM, "scheduler": PLATEAU}
    defaults = {"tta": None, "threshold": 0.41}  # of a checkpoint without these values
    assert checkpoint["hyper_parameters"] == stored | defaults
    assert checkpoint["datamodule_hyper_parameters"] == DATA
    assert torch.equal(checkpoint["state_dict"]["weight"], torch.arange(1000.0))


NET = {"class_path": "foreign.Net"}
FOREIGN = {
    "network": {"network": NET},
    "optimizer": {"optimizer": NET},
    "scheduler": {"scheduler": NET},
    "deep": {"network": {"class_path": "digitrec.models.MLP", "init_args": {"hidden": [{"a": [NET]}]}}},
    "plain string": {"network": "foreign.Net"},
    "name of another key": {"label_smoothing": "foreign.Net"},
    "YAML in a string": {"network": "{class_path: foreign.Net}"},
    "escaped JSON in a string": {"network": json.dumps(NET).replace(".", "\\u002e")},
    "line break": {"network": {"class_path": "foreign.Net\n"}},
    "not in ASCII": {"network": {"class_path": "éforeign.Net"}},
    "relative": {"network": {"class_path": ".foreign.Net"}},
    "instantiator": {"_instantiator": "foreign.Net"},
}


def test_foreign_module_leaves_a_trace_when_imported(foreign):
    import foreign as module

    assert foreign()
    assert issubclass(module.Net, torch.nn.Module)


@pytest.mark.parametrize("model", FOREIGN.values(), ids=FOREIGN)
def test_foreign_class_is_refused_before_import(model, path, foreign):
    with pytest.raises(
        CheckpointError, match=r"not a class of digitrec\.models, digitrec\.data, torch\.nn or torch\.optim"
    ):
        read_checkpoint(write(path, **model))
    assert not foreign()


@pytest.mark.parametrize(
    "data",
    [{"augment": NET}, {"augment": "foreign.Net"}, {"_instantiator": "foreign.Net"}, {"x": [{"y": NET}]}],
    ids=str,
)
def test_foreign_class_in_data_hyperparameters_is_refused(data, path, foreign):
    changes = {"datamodule_hyper_parameters": {**DATA, **data}}
    with pytest.raises(CheckpointError, match=r"names foreign\.Net"):
        read_checkpoint(write(path, changes=changes))
    assert not foreign()


@pytest.mark.parametrize(
    "name",
    [
        "torch.os.system",
        "torch.serialization.pickle.Unpickler",
        "torch.load",
        "torch.utils.model_dump.__main__",
        "torch.utils.data.DataLoader",
        "torch.nn.functional.torch.utils.data.DataLoader",
        "torch.nn.modules.__main__.Net",
        "digitrec.web.__main__",
        "torch.nn",
        "torch.nn.NoSuchLayer",
        "torchvision.models.ResNet",
        "digitrec.cli.Trainer",
        "digitrec.cli.main",
        "digitrec.cli.DigitCLI",
        "digitrec.training.detector_cli.DetectorCLI",
        "digitrec.Reader",
        "builtins.eval",
    ],
)
def test_names_that_are_no_classes_of_digitrec_or_torch_are_refused(name, path):
    with pytest.raises(CheckpointError, match=f"names {name}, which is not a class"):
        read_checkpoint(write(path, network={"class_path": name}))


@pytest.mark.parametrize("name", ["torch.nn.Identity", "digitrec.MLP", "digitrec.models.MLP"])
def test_classes_of_digitrec_and_torch_are_accepted(name, path):
    checkpoint = read_checkpoint(write(path, network={"class_path": name}))
    assert checkpoint["hyper_parameters"]["network"] == {"class_path": name}


class Pickled:
    """Runs code when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_pickle_is_refused_and_not_run(path, tmp_path):
    write(path, changes={"more": Pickled(tmp_path / "trace")})
    with pytest.raises(CheckpointError, match="holds Python objects, so it is not loaded"):
        read_checkpoint(path)
    assert not (tmp_path / "trace").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "trace").exists()


def flip_a_weight(content):
    """Flip a bit inside a tensor, which PyTorch would load silently."""
    place = content.index(torch.arange(1000.0).numpy().tobytes()) + 2000
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "text": lambda content: b"epoch 3: 98.1 %\n",
    "flipped bit": flip_a_weight,
    "pickle, not zip": lambda content: b"\x80\x04}q\x00.",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_checkpoint_is_named(damage, path):
    content = write(path).read_bytes()
    path.write_bytes(damage(content))
    with pytest.raises(CheckpointError, match=r"some\.ckpt is damaged.*choose another\."):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        {"weight": torch.zeros(3)},
        {"state_dict": {}},
        {"state_dict": {}, "hyper_parameters": {"lr": 0.1}},
        {"state_dict": {}, "hyper_parameters": [1]},
        {"state_dict": {}, "hyper_parameters": {"network": "MLP", "optimizer": ADAM}},
        {"hyper_parameters": {"network": mlp(4), "optimizer": ADAM}},
        {
            "state_dict": {},
            "hyper_parameters": {"network": mlp(4), "optimizer": ADAM},
            "datamodule_hyper_parameters": 1,
        },
    ],
    ids=[
        "tensor",
        "weights",
        "no hyperparameters",
        "others",
        "a list of them",
        "no class",
        "no weights",
        "no data",
    ],
)
def test_checkpoint_of_another_project_is_refused(content, path):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"some\.ckpt is not a checkpoint of digitrec"):
        read_checkpoint(path)


def test_missing_file_and_folder_have_different_errors(tmp_path):
    with pytest.raises(CheckpointError, match=r"There is no checkpoint .*nowhere\.ckpt"):
        read_checkpoint(tmp_path / "nowhere.ckpt")
    with pytest.raises(CheckpointError, match="is a folder, not a checkpoint"):
        read_checkpoint(tmp_path)


def test_names_of_earlier_releases_are_translated(path):
    augment = {"class_path": "digitrec.augment.RandomDistortion", "init_args": {"ink": 0.4, "stroke": 0.8}}
    data = {"augment": augment, "styles": {"class_path": "digitrec.styles.DrawnDigits", "init_args": {}}}
    network = {"class_path": "digitrec.networks.MLP", "init_args": {"hidden": [4]}}
    last = {"class_path": "digitrec.saving.LastCheckpoint", "init_args": {"every_n_train_steps": 3}}
    content = {
        "state_dict": {},
        "hyper_parameters": {"network": network, "optimizer": ADAM, "views": None},
        "datamodule_hyper_parameters": data,
        "callbacks": {"ExactResume": {"seed": 1, "trainer": {"callbacks": [last]}}},
    }
    torch.save(content, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint["hyper_parameters"]["network"]["class_path"] == "digitrec.models.MLP"
    assert "views" not in checkpoint["hyper_parameters"]
    assert checkpoint["datamodule_hyper_parameters"] == {
        "augment": {
            "class_path": "digitrec.data.RandomDistortion",
            "init_args": {"brightness": 0.4, "stroke": 0.8},
        },
        "synthetic": {"class_path": "digitrec.data.SyntheticDigits", "init_args": {}},
    }
    [callback] = checkpoint["callbacks"]["ExactResume"]["trainer"]["callbacks"]
    assert callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint"


def test_checkpoint_of_release_0_1_loads():
    """The file was written by 0.1: it has the class paths of then."""
    classifier = load_classifier(ROOT / "tests" / "models" / "release-0.1.ckpt")
    assert classifier.threshold == 0.41
    assert classifier.tta is not None
    assert classifier.probabilities(torch.zeros(2, 28, 28, dtype=torch.uint8)).shape == (2, 10)


def test_nothing_of_torch_but_networks_and_optimizers_is_imported(path):
    sys.modules.pop("torch.utils.model_dump", None)
    with pytest.raises(CheckpointError, match=r"names torch\.utils\.model_dump\.__main__"):
        read_checkpoint(write(path, optimizer={"class_path": "torch.utils.model_dump.__main__"}))
    assert "torch.utils.model_dump" not in sys.modules
