"""The script that makes the pretrained weights, and the weights themselves."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from digitrec import DigitClassifier, Reader
from digitrec.cli import DigitCLI
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from scripts import ship
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


def overconfident(factor):
    """Log-probabilities and labels drawn from them, the former sharpened by a factor."""
    random = torch.Generator().manual_seed(0)
    honest = torch.randn(20_000, 10, generator=random).mul(2).log_softmax(dim=1)
    labels = honest.exp().multinomial(1, generator=random).squeeze(1)
    return (honest * factor).log_softmax(dim=1), labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_confidence_that_was_sharpened(factor):
    assert ship.best_temperature(*overconfident(factor)) == pytest.approx(factor, rel=0.03)


def test_no_other_temperature_has_a_smaller_loss():
    scores, labels = overconfident(2.0)
    best = ship.best_temperature(scores, labels)

    def loss(temperature):
        return F.cross_entropy(scores.double() / temperature, labels)

    assert loss(best) < min(loss(best * 0.99), loss(best * 1.01))


def test_the_threshold_is_the_highest_that_refuses_no_more_than_the_share():
    # Of 1,000 digits 3 are below 0.01, 7 below 0.02, and 9 below 0.03.
    confidence = torch.tensor([0.005] * 3 + [0.015] * 4 + [0.025] * 2 + [0.9] * 991)
    assert ship.best_threshold(confidence) == 0.02
    assert ship.best_threshold(torch.full((100,), 0.835)) == 0.83


def test_a_run_is_shipped_with_its_temperature_and_without_what_resuming_needs(workplace, monkeypatch):
    shipped = workplace / "weights" / "digits.ckpt"
    monkeypatch.setattr(ship, "PRETRAINED", shipped)
    monkeypatch.setattr(ship, "CONFIG", f"{ROOT}/configs/handwriting.yaml")
    tiny = [
        "--data.val_size=50",
        "--data.outliers.init_args.count=20",
        "--data.detected=null",
        "--trainer.log_every_n_steps=1",
    ]
    cli = DigitCLI(["fit", f"--config={ship.CONFIG}", "--trainer.max_epochs=1", *tiny])
    run = workplace / cli.trainer.log_dir / "checkpoints" / "last.ckpt"
    images, labels = ship.held_out(read_checkpoint(run))
    detected = zip(images.numpy(), labels.tolist(), strict=True)
    monkeypatch.setattr(ship.DetectedDigits, "_found", lambda self: detected)
    ship.ship(run)
    kept, trained = read_checkpoint(shipped), read_checkpoint(run)
    assert kept["state_dict"].keys() == trained["state_dict"].keys()
    assert all(torch.equal(kept["state_dict"][key], value) for key, value in trained["state_dict"].items())
    assert "optimizer_states" not in kept
    assert "data_dir" not in kept["datamodule_hyper_parameters"]
    classifier = DigitClassifier.load_from_checkpoint(shipped, map_location="cpu")
    for name in ("temperature", "threshold"):
        chosen = kept["hyper_parameters"].pop(name)
        assert chosen != trained["hyper_parameters"].pop(name)
        assert chosen == getattr(classifier, name)
    assert kept["hyper_parameters"] == trained["hyper_parameters"]
    DigitCLI(["test", f"--ckpt_path={shipped}"])


def test_the_pretrained_weights_are_small_and_calibrated():
    assert PRETRAINED.stat().st_size < 1_000_000
    assert sum(value.numel() for value in read_checkpoint(PRETRAINED)["state_dict"].values()) == 235_146
    classifier = load_classifier(PRETRAINED)
    assert (classifier.temperature, classifier.threshold) == (0.717, 0.2)
    stored = torch.load(PRETRAINED, weights_only=True)["hyper_parameters"]
    assert stored.pop("_instantiator")  # for DigitClassifier.load_from_checkpoint
    assert stored == read_checkpoint(PRETRAINED)["hyper_parameters"]  # no name of an earlier release


@pytest.mark.parametrize("side", [28, 60, 300])
def test_no_digit_is_read_in_noise(side):
    reader, random = Reader.pretrained(), np.random.default_rng(0)
    pages = (random.integers(0, 256, (side, side), dtype=np.uint8) for _ in range(10))
    assert [digit.digit for page in pages for digit in reader.read(page).digits if digit.digit != "?"] == []
