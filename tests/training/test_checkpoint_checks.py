"""Whether a config fits the checkpoint that it is to run with."""

import pytest

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.checkpoint_checks import check_config, differences
from tests.checkpoint_files import ADAM, PLATEAU, mlp, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


def test_differences_name_the_key_and_both_values():
    assert list(differences({"network": mlp(4), "a": 1}, {"network": mlp(8), "b": 2})) == [
        ("network.init_args.hidden", [4], [8])
    ]
    assert list(differences({"hidden": (4, 8)}, {"hidden": [4, 8]})) == []
    short = {"class_path": "digitrec.MLP", "init_args": {"hidden": [4]}}
    assert list(differences({"network": short}, {"network": mlp(4)})) == []
    other = {"class_path": "torch.nn.Identity", "init_args": {"hidden": [5]}}
    assert list(differences({"network": other}, {"network": mlp(4)})) == [
        ("network.class_path", "torch.nn.Identity", "digitrec.models.MLP")
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
