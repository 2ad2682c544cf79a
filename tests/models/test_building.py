"""Checkpoints whose hyperparameters build no digit classifier, or far more than their weights."""

import time

import pytest
import torch

from digitrec.data import SyntheticDigits
from digitrec.errors import CheckpointError
from digitrec.models import MLP
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from tests.checkpoint_files import DATA, mlp, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


@pytest.fixture
def shipped():
    return torch.load(PRETRAINED, weights_only=True)


def refusal(content, path):
    torch.save(content, path)
    with pytest.raises(CheckpointError) as info:
        load_classifier(path)
    return str(info.value).replace(str(path), "FILE")


def test_shapes_are_compared_before_memory_is_asked_for(shipped, path, monkeypatch):
    shipped["hyper_parameters"]["network"] = mlp(100_000, 100_000)
    built = []
    monkeypatch.setattr(
        torch.nn.Linear, "reset_parameters", lambda self: built.append(self.weight.device.type)
    )
    assert refusal(shipped, path) == "The weights in FILE don't fit the network that it names."
    assert set(built) == {"meta"}


def test_a_part_that_cannot_be_built_does_not_hide_a_large_one(shipped, path, monkeypatch):
    def linear(*sizes):
        names = "in_features", "out_features"
        return {"class_path": "torch.nn.Linear", "init_args": dict(zip(names, sizes, strict=True))}

    parts = {"network": linear(6000, 6000), "tta": linear(-1, 1)}
    shipped["hyper_parameters"]["network"] = {"class_path": "digitrec.models.Recognizer", "init_args": parts}
    built = []
    monkeypatch.setattr(
        torch.nn.Linear, "reset_parameters", lambda self: built.append(self.weight.device.type)
    )
    assert refusal(shipped, path) == "The weights in FILE don't fit the network that it names."
    assert set(built) == {"meta"}


LAYERS = {
    "layers": {
        "class_path": "torch.nn.LSTM",
        "init_args": {"input_size": 1, "hidden_size": 1, "num_layers": 10**9},
    },
    "copies": {
        "class_path": "torch.nn.Transformer",
        "init_args": {"d_model": 8, "nhead": 1, "num_encoder_layers": 10**9},
    },
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("network", [*LAYERS.values(), mlp(*[1] * 99_000)], ids=[*LAYERS, "a long list"])
def test_endless_networks_are_refused_soon(network, nested, shipped, path):
    """The meta device takes no memory for tensors, but Python does for layers."""
    if nested:
        network = {"class_path": "digitrec.models.MLP", "init_args": {"hidden": network}}
    shipped["hyper_parameters"]["network"] = network
    start = time.process_time()
    assert refusal(shipped, path) == "The weights in FILE don't fit the network that it names."
    assert time.process_time() - start < 10


def test_only_networks_and_tta_are_built(shipped, path, monkeypatch):
    built = []
    monkeypatch.setattr(SyntheticDigits, "__init__", lambda self, **_: built.append(self))
    data = {"class_path": "digitrec.data.SyntheticDigits", "init_args": {"count": 10**12}}
    for key, value in {
        "network": data,
        "tta": data,
        "nested": {"class_path": "digitrec.models.MLP", "init_args": {"hidden": data}},
    }.items():
        content = {
            **shipped,
            "hyper_parameters": {**shipped["hyper_parameters"], key.replace("nested", "network"): value},
        }
        refusal(content, path)
    assert built == []


@pytest.mark.parametrize(
    "class_path",
    ["digitrec.models.TTA", "torch.nn.Identity", "torch.optim.Adam", "digitrec.data.MNISTDataModule"],
)
def test_wrong_network_is_one_sentence(class_path, shipped, path):
    shipped["hyper_parameters"]["network"] = {"class_path": class_path}
    assert refusal(shipped, path) == "The weights in FILE don't fit the network that it names."


@pytest.mark.parametrize(
    "layer", [torch.nn.Linear(3, 10), torch.nn.Linear(28, 10), torch.nn.Bilinear(2, 2, 2)]
)
def test_network_that_does_not_recognize_digits_is_refused(layer, shipped, path):
    arguments = {key: getattr(layer, key) for key in layer.__constants__}
    shipped["hyper_parameters"]["network"] = {
        "class_path": f"torch.nn.{type(layer).__name__}",
        "init_args": arguments,
    }
    shipped["state_dict"] = {f"network.{name}": value for name, value in layer.state_dict().items()}
    assert refusal(shipped, path).startswith("The network in FILE ")


@pytest.mark.parametrize(
    ("key", "value"),
    [("tta", "yes"), ("tta", 7), ("temperature", "warm"), ("threshold", None), ("temperature", 0)],
)
def test_wrong_values_of_the_recognizer_are_one_sentence(key, value, shipped, path):
    shipped["hyper_parameters"][key] = value
    assert refusal(shipped, path).startswith("The network in FILE cannot be used: ")


def test_network_that_computes_with_values_when_it_is_built_is_read(shipped, path, monkeypatch):
    """As many do: [rate.item() for rate in torch.linspace(0, 0.1, depth)]."""

    class Own(MLP):
        def __init__(self, hidden):
            super().__init__(hidden)
            self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]

    Own.__module__ = "digitrec.models.mlp"
    monkeypatch.setattr("digitrec.models.mlp.Own", Own, raising=False)
    shipped["hyper_parameters"]["network"] = {
        **shipped["hyper_parameters"]["network"],
        "class_path": "digitrec.models.mlp.Own",
    }
    torch.save(shipped, path)
    assert load_classifier(path).network.rates[-1] == pytest.approx(0.1)


def test_weights_that_are_infinite_are_refused_by_name(shipped, path):
    name = next(name for name in shipped["state_dict"] if name.endswith("bias"))
    shipped["state_dict"][name][0] = torch.inf
    assert refusal(shipped, path) == (
        f"The weights {name.removeprefix('network.')} in FILE are infinite: choose another checkpoint."
    )


def itself():
    value = {}
    value["again"] = value
    return value


def doubled():
    value = ["digitrec"]
    for _ in range(18):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [itself(), doubled(), {1: 2}, {"foreign.Net"}, [{"deep": {"foreign.Net"}}], torch.zeros(1), b"bytes"],
    ids=["itself", "doubled", "integer key", "set", "set deep inside", "tensor", "bytes"],
)
@pytest.mark.parametrize("where", ["model", "data", "resume"])
def test_hyperparameters_are_plain_values(value, where, path):
    if where == "model":
        write(path, scheduler=value)
    elif where == "data":
        write(path, data={**DATA, "augment": value})
    else:
        write(path, changes={"callbacks": {"ExactResume": {"trainer": value}}})
    with pytest.raises(CheckpointError, match=r"some\.ckpt is not a checkpoint of digitrec"):
        read_checkpoint(path)
