import json
import os

import pytest
import torch

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.checkpoint_checks import check_config, differences

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001}}
PLATEAU = {
    "class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "init_args": {"monitor": "val/loss", "mode": "min"},
}
DATA = {"data_dir": "../data.v2/here", "val_size": 50, "split_seed": 0, "augment": None}


def mlp(*hidden):
    return {"class_path": "digitrec.models.mlp.MLP", "init_args": {"hidden": list(hidden)}}


def write(path, data=DATA, changes=None, **model):
    """A small file with the layout of a Lightning checkpoint."""
    lightnings = {"_instantiator": "lightning.pytorch.cli.instantiate_module"}
    hyper_parameters = {"network": mlp(4), "optimizer": ADAM, "scheduler": None, **lightnings, **model}
    content = {
        "state_dict": {"weight": torch.arange(1000.0)},
        "hyper_parameters": hyper_parameters,
        "datamodule_hyper_parameters": {**data, **lightnings} if isinstance(data, dict) else data,
        **(changes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


def test_a_checkpoint_of_ours_is_read_whole(path):
    checkpoint = read_checkpoint(write(path, scheduler=PLATEAU))
    known = {"network": mlp(4), "optimizer": ADAM, "scheduler": PLATEAU}
    assert checkpoint["hyper_parameters"] == {**known, "views": None}  # of an old one, too
    assert checkpoint["datamodule_hyper_parameters"] == DATA
    assert torch.equal(checkpoint["state_dict"]["weight"], torch.arange(1000.0))


NET = {"class_path": "foreign.Net"}
FOREIGN = {
    "network": {"network": NET},
    "optimizer": {"optimizer": NET},
    "scheduler": {"scheduler": NET},
    "deep": {"network": {"class_path": "digitrec.models.mlp.MLP", "init_args": {"hidden": [{"a": [NET]}]}}},
    "plain string": {"network": "foreign.Net"},
    "name of another key": {"label_smoothing": "foreign.Net"},
    "YAML in a string": {"network": "{class_path: foreign.Net}"},
    "escaped JSON in a string": {"network": json.dumps(NET).replace(".", "\\u002e")},
    "line break": {"network": {"class_path": "foreign.Net\n"}},
    "not in ASCII": {"network": {"class_path": "éforeign.Net"}},
    "relative": {"network": {"class_path": ".foreign.Net"}},
    "instantiator": {"_instantiator": "foreign.Net"},
}


def test_the_foreign_module_would_leave_a_trace(foreign):
    import foreign as module

    assert foreign()
    assert issubclass(module.Net, torch.nn.Module)


@pytest.mark.parametrize("model", FOREIGN.values(), ids=FOREIGN)
def test_a_class_from_elsewhere_is_refused_before_it_is_imported(model, path, foreign):
    with pytest.raises(CheckpointError, match="no class of digitrec or torch"):
        read_checkpoint(write(path, **model))
    assert not foreign()


@pytest.mark.parametrize(
    "data",
    [{"augment": NET}, {"augment": "foreign.Net"}, {"_instantiator": "foreign.Net"}, {"x": [{"y": NET}]}],
    ids=str,
)
def test_the_hyperparameters_of_the_data_are_looked_at_too(data, path, foreign):
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
        "torch.nn",
        "torch.nn.NoSuchLayer",
        "torchvision.models.ResNet",
        "digitrec.cli.Trainer",
        "digitrec.cli.main",
        "builtins.eval",
    ],
)
def test_a_prefix_is_not_enough_it_must_be_a_class_of_digitrec_or_torch(name, path):
    with pytest.raises(CheckpointError, match=f"names {name}, which is no class"):
        read_checkpoint(write(path, network={"class_path": name}))


@pytest.mark.parametrize("name", ["torch.nn.Identity", "digitrec.MLP", "digitrec.models.mlp.MLP"])
def test_classes_of_digitrec_and_torch_are_accepted(name, path):
    checkpoint = read_checkpoint(write(path, network={"class_path": name}))
    assert checkpoint["hyper_parameters"]["network"] == {"class_path": name}


class Pickled:
    """Runs code when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_a_pickle_is_refused_and_not_run(path, tmp_path):
    write(path, changes={"more": Pickled(tmp_path / "trace")})
    with pytest.raises(CheckpointError, match="holds more than weights and values, so it is not loaded"):
        read_checkpoint(path)
    assert not (tmp_path / "trace").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "trace").exists()


def flip_a_weight(content):
    """Flip a bit inside a tensor, which PyTorch would load without a word."""
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
def test_a_damaged_checkpoint_is_named(damage, path):
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
def test_a_checkpoint_of_another_project_is_said_to_be_one(content, path):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"some\.ckpt is not a checkpoint of digitrec"):
        read_checkpoint(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match=r"There is no checkpoint .*nowhere\.ckpt"):
        read_checkpoint(tmp_path / "nowhere.ckpt")
    with pytest.raises(CheckpointError, match="is a folder, not a checkpoint"):
        read_checkpoint(tmp_path)


def test_differences_name_the_key_and_both_values():
    assert list(differences({"network": mlp(4), "a": 1}, {"network": mlp(8), "b": 2})) == [
        ("network.init_args.hidden", [4], [8])
    ]
    assert list(differences({"hidden": (4, 8)}, {"hidden": [4, 8]})) == []
    short = {"class_path": "digitrec.MLP", "init_args": {"hidden": [4]}}
    assert list(differences({"network": short}, {"network": mlp(4)})) == []
    other = {"class_path": "torch.nn.Identity", "init_args": {"hidden": [5]}}
    assert list(differences({"network": other}, {"network": mlp(4)})) == [
        ("network.class_path", "torch.nn.Identity", "digitrec.models.mlp.MLP")
    ]


def config(val_size=50, split_seed=0, weights_only=None, **model):
    return {
        "model": {"network": mlp(4), "optimizer": ADAM, "scheduler": None, **model},
        "data": {"val_size": val_size, "split_seed": split_seed},
        "weights_only": weights_only,
    }


@pytest.fixture
def check(path):
    return lambda subcommand, config: check_config(config, subcommand, read_checkpoint(write(path)), path)


@pytest.mark.parametrize("subcommand", ["fit", "validate", "test", "predict"])
def test_every_subcommand_refuses_another_model(check, subcommand):
    check(subcommand, config())
    with pytest.raises(
        CheckpointError, match=r"model\.network\.init_args\.hidden is \[5\] but \[4\] in .*--ckpt"
    ):
        check(subcommand, config(network=mlp(5)))
    with pytest.raises(CheckpointError, match=r"model\.scheduler is lightning\.pytorch\S+ but null in"):
        check(subcommand, config(scheduler=PLATEAU))
    with pytest.raises(CheckpointError, match="--weights_only false lets a checkpoint run code"):
        check(subcommand, config(weights_only=False))


@pytest.mark.parametrize("subcommand", ["fit", "validate"])
def test_no_image_that_was_trained_on_is_validated_on(check, subcommand):
    check(subcommand, config(val_size=20))  # the first 20 of the 50 that were held out
    with pytest.raises(CheckpointError, match=r"data\.val_size is 51 but 50 in"):
        check(subcommand, config(val_size=51))
    with pytest.raises(CheckpointError, match=r"data\.split_seed is 1 but 0 in"):
        check(subcommand, config(split_seed=1))
    check("test", config(val_size=51, split_seed=1))


def test_without_held_out_images_there_is_nothing_to_validate_on(check):
    with pytest.raises(CheckpointError, match=r"nothing to validate on: data\.val_size is 0"):
        check("validate", config(val_size=0))
