"""Checkpoints that are damaged, of another project, or unsafe to load."""

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, SUBCOMMANDS, change


def test_unsafe_loading_is_refused(path, mistake):
    said = "--weights_only false lets a checkpoint run code: leave it out."
    assert mistake("test", "--weights_only=false") == said


def test_a_damaged_checkpoint_is_named_also_when_it_was_not_asked_for_by_name(path, mistake):
    path.write_bytes(path.read_bytes()[:10_000])
    assert mistake("test") == f"{path} is damaged, or no checkpoint at all: choose another."


def test_weights_of_another_network_are_refused(path, mistake):
    change(path, lambda content: content["hyper_parameters"]["network"]["init_args"].update(hidden=[8]))
    assert mistake("test") == f"The weights in {path} don't fit the network that it names."


def test_hyperparameters_that_the_model_does_not_know_are_another_projects(path, mistake):
    change(path, lambda content: content["hyper_parameters"].update(dropout=0.5))
    assert mistake("test") == f"{path} is not a checkpoint of digitrec: choose another."


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_a_class_from_elsewhere_is_refused_and_never_imported(
    subcommand, path, mistake, workplace, monkeypatch
):
    (workplace / "foreign.py").write_text("import pathlib\npathlib.Path('trace').touch()\nclass Net: ...\n")
    monkeypatch.syspath_prepend(workplace)
    change(path, lambda content: content["hyper_parameters"].update(network={"class_path": "foreign.Net"}))
    said = f"The checkpoint {path} names foreign.Net, which is no class of digitrec or torch, so it is not"
    assert mistake(subcommand, *QUICK, f"--ckpt_path={path}").startswith(said)
    if subcommand != "fit":
        assert mistake(subcommand).startswith(said)
    assert "foreign" not in sys.modules
    assert not Path("trace").exists()
