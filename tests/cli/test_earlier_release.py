"""Configs, command lines and runs of release 0.1, whose classes and arguments had other names."""

import re

import pytest
import torch
import yaml

from digitrec.cli import DigitCLI
from digitrec.models.renames import ARGUMENTS, CLASS_PATHS, translate, translate_argument
from tests.conftest import ROOT

OLD_NAMES = {new: old for old, new in CLASS_PATHS.items()}
OLD_NAMES |= {new: old for names in ARGUMENTS.values() for old, new in names.items()}
QUICK = ["--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
FEW = ["--data.styles.init_args.count=50", "--data.outliers.init_args.count=50", "--data.detected=null"]


def aged(value):
    """Return a config with the names of release 0.1."""
    if isinstance(value, dict):
        return {OLD_NAMES.get(key, key): aged(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [aged(inner) for inner in value]
    return OLD_NAMES.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", ["handwriting", "mlp"])
def test_config_of_release_0_1_is_fitted(name, workplace):
    config = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    (workplace / "old.yaml").write_text(yaml.safe_dump(aged(config)))
    assert "digitrec.networks.MLP" in (workplace / "old.yaml").read_text()
    cli = DigitCLI(["fit", "--config=old.yaml", *QUICK, *(FEW if name == "handwriting" else [])])
    assert type(cli.model.network).__name__ == "MLP"
    assert (cli.model.tta is not None) == (name == "handwriting")
    assert "test/acc" in DigitCLI(["test", "--config=old.yaml"]).trainer.callback_metrics


def test_run_of_release_0_1_is_resumed_with_its_own_config(fit, workplace):
    run = workplace / fit("--trainer.max_epochs=1").trainer.log_dir
    config = aged(yaml.safe_load((run / "config.yaml").read_text()))
    config["model"].pop("threshold")
    config["trainer"]["max_epochs"] = 2
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    last = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    for part in ("hyper_parameters", "datamodule_hyper_parameters"):
        checkpoint[part] = aged(checkpoint[part])
    checkpoint["hyper_parameters"].pop("threshold")
    state = checkpoint["callbacks"]["ExactResume"]
    state["trainer"] = aged(state["trainer"])
    torch.save(checkpoint, last)
    resumed = DigitCLI(["fit", f"--config={run}/config.yaml", f"--ckpt_path={last}"])
    assert resumed.trainer.current_epoch == 2
    assert workplace / resumed.trainer.log_dir == run


def test_arguments_of_release_0_1_are_translated():
    assert (
        translate_argument("--model.network=digitrec.networks.MLP") == "--model.network=digitrec.models.MLP"
    )
    assert translate_argument("digitrec.views.Views") == "digitrec.models.TTA"
    assert translate_argument("--model.views") == "--model.tta"
    assert translate_argument("--data.styles.init_args.count=5") == "--data.synthetic.init_args.count=5"
    assert translate_argument("--data.data_dir=styles") == "--data.data_dir=styles"


def test_only_arguments_of_their_owners_are_translated():
    own = {"class_path": "digitrec.models.Own", "init_args": {"ink": 1, "views": 2}}
    config = {"model": {"network": own, "views": None}, "trainer": {"ink": 3}}
    assert translate(config) == {"model": {"network": own, "tta": None}, "trainer": {"ink": 3}}


def test_names_of_today_are_not_those_of_earlier_releases():
    assert not set(CLASS_PATHS) & set(CLASS_PATHS.values())
    assert all(re.fullmatch(r"digitrec(\.\w+)+", path) for path in CLASS_PATHS.values())
