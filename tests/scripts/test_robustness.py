import json

import pytest
import torch

from scripts import robustness
from tests.checkpoint_files import write

pytestmark = pytest.mark.scripts

ACCURACIES = {"none": {"mlp": [0.9], "pretrained": [0.8]}, "shear": {"mlp": [0.5], "pretrained": [0.4]}}


@pytest.fixture
def docs(tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "RESULTS", tmp_path)
    checkpoints = [["mlp", "gone.ckpt"], ["pretrained", "old.ckpt", "1234"]]
    earlier = {"seed": 1, "checkpoints": checkpoints, "accuracies": ACCURACIES}
    (tmp_path / "robustness.json").write_text(json.dumps(earlier))


@pytest.mark.usefixtures("docs")
def test_columns_that_are_not_measured_are_kept_before_those_that_are():
    measured = {"none": {"pretrained": [0.81]}, "shear": {"pretrained": [0.41]}}
    known = robustness.keep_others([["pretrained", "new.ckpt", "abcd"]], measured, seed=1)
    assert known == [["mlp", "gone.ckpt"], ["pretrained", "new.ckpt", "abcd"]]
    assert measured == {
        "none": {"mlp": [0.9], "pretrained": [0.81]},
        "shear": {"mlp": [0.5], "pretrained": [0.41]},
    }
    assert list(measured["none"]) == ["mlp", "pretrained"]


@pytest.mark.usefixtures("docs")
def test_columns_of_other_corruptions_are_not_kept():
    with pytest.raises(SystemExit, match="has seed 1"):
        robustness.keep_others([], {}, seed=2)


def test_the_hash_is_that_of_the_weights_alone(tmp_path):
    one = robustness.weights_hash(write(tmp_path / "one.ckpt"))
    assert one == robustness.weights_hash(write(tmp_path / "moved.ckpt", label_smoothing=0.1))
    changed = {"state_dict": {"weight": torch.arange(1000.0) + torch.eye(1000)[7] * 1e-3}}
    assert one != robustness.weights_hash(write(tmp_path / "other.ckpt", changes=changed))
