"""Checkpoints that are damaged, of another project, or unsafe to load."""

import sys
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import QUICK, SUBCOMMANDS, change


def test_unsafe_loading_is_refused(path, mistake):
    message = "--weights_only false lets a checkpoint run code: leave it out."
    assert mistake("test", "--weights_only=false") == message


def test_damaged_default_checkpoint_is_named(path, mistake):
    path.write_bytes(path.read_bytes()[:10_000])
    assert mistake("test") == f"{path} is damaged, or no checkpoint at all: choose another."


def test_weights_of_another_network_are_refused(path, mistake):
    change(path, lambda content: content["hyper_parameters"]["network"]["init_args"].update(hidden=[8]))
    assert mistake("test") == f"The weights in {path} don't fit the network that it names."


def test_unknown_hyperparameters_mean_another_project(path, mistake):
    change(path, lambda content: content["hyper_parameters"].update(dropout=0.5))
    assert mistake("test") == f"{path} is not a checkpoint of digitrec: choose another."


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_foreign_class_is_refused_and_never_imported(subcommand, path, mistake, workplace, monkeypatch):
    (workplace / "foreign.py").write_text("import pathlib\npathlib.Path('trace').touch()\nclass Net: ...\n")
    monkeypatch.syspath_prepend(workplace)
    change(path, lambda content: content["hyper_parameters"].update(network={"class_path": "foreign.Net"}))
    message = f"The checkpoint {path} names foreign.Net, which is not a class of "
    assert mistake(subcommand, *QUICK, f"--ckpt_path={path}").startswith(message)
    if subcommand != "fit":
        assert mistake(subcommand).startswith(message)
    assert "foreign" not in sys.modules
    assert not Path("trace").exists()


def without_version(content):
    del content["pytorch-lightning_version"]


EVALUATED = {
    "no version": without_version,
    "odd version": lambda content: content.update({"pytorch-lightning_version": "yes"}),
    "views": lambda content: content["hyper_parameters"].update(views="yes"),
    "NaN": lambda content: content["state_dict"]["network.layers.1.bias"].fill_(torch.nan),
    "wide": lambda content: content["hyper_parameters"]["network"]["init_args"].update(hidden=[100_000] * 2),
    "temperature": lambda content: content["hyper_parameters"].update(temperature="warm"),
}
"""Changes of a checkpoint that every command refuses."""

RESUMED = {
    "loops": lambda content: content.update(loops={"fit_loop": 7}),
    "progress": lambda content: content["loops"]["fit_loop"].update({"epoch_loop.batch_progress": {}}),
    "optimizer": lambda content: content.update(optimizer_states=[{"state": 7, "param_groups": []}]),
    "schedule": lambda content: content.update(lr_schedulers=[7]),
    "seed": lambda content: content["callbacks"]["ExactResume"].pop("seed"),
    "no version, resumed": without_version,
}
"""Changes that fit refuses, which restores the state of the training."""


@pytest.mark.parametrize("name", {**EVALUATED, **RESUMED})
def test_odd_checkpoint_is_one_sentence_with_its_name(name, path, digitrec):
    change(path, {**EVALUATED, **RESUMED}[name])
    command = ["fit", "--trainer.max_epochs=2"] if name in RESUMED else ["test"]
    status, _, error = digitrec(*command[:1], *QUICK, *command[1:], f"--ckpt_path={path}")
    assert status == 1
    assert error.splitlines()[-1].startswith("digitrec: ")
    assert str(path) in error.splitlines()[-1]
