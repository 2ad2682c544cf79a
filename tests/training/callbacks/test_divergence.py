from pathlib import Path

import pytest
import torch

from digitrec.cli import main
from digitrec.errors import DivergedError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.callbacks.divergence import StopAtDivergence
from digitrec.training.classifier import DigitClassifier
from tests.conftest import curves

FOLDER = Path("lightning_logs/version_0")


@pytest.fixture
def spoil(monkeypatch):
    """Multiply the loss of one training step, or set a weight in it."""

    def spoil(step, loss=None, weights=None):
        training_step = DigitClassifier.training_step

        def spoiled(self, *args):
            value = training_step(self, *args)
            if self.global_step != step:
                return value
            if weights is not None:
                next(self.parameters()).data[0, 0] = weights
            return value if loss is None else value * loss

        monkeypatch.setattr(DigitClassifier, "training_step", spoiled)

    return spoil


@pytest.mark.parametrize("loss", ["nan", "inf"])
def test_loss_that_is_not_finite_stops_the_run(loss, fit, spoil):
    spoil(8, loss=float(loss))
    with pytest.raises(DivergedError) as stopped:
        fit("--trainer.max_epochs=3", "--model.optimizer.init_args.lr=0.002")
    assert str(stopped.value) == (
        f"The loss is {loss} in epoch 1, step 9, at a learning rate of 0.002: the training has diverged; "
        f"the last good checkpoint is {FOLDER}/checkpoints/last.ckpt."
    )
    checkpoint = read_checkpoint(FOLDER / "checkpoints" / "last.ckpt")
    assert checkpoint["global_step"] == 6
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_main_reports_divergence_in_one_line_and_exits_1(fit, spoil, capsys):
    fit()
    spoil(2, loss=float("nan"))
    assert main(["fit", f"--config={FOLDER}/config.yaml"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("digitrec: The loss is nan in epoch 0, step 3, at a learning rate of 0.001: ")
    assert message.endswith("no checkpoint was written yet.")


def test_weight_that_is_not_finite_is_never_saved(fit, spoil):
    spoil(5, weights=float("nan"))  # after the last loss of the epoch
    with pytest.raises(DivergedError, match="A weight is NaN or infinite in epoch 0, step 6"):
        fit()
    assert not (FOLDER / "checkpoints").exists()


def test_on_gpu_only_logged_and_last_steps_are_checked(fit, spoil, monkeypatch):
    checked = []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)
    inner = StopAtDivergence.on_train_batch_end

    def record(self, trainer, *args):
        monkeypatch.setattr(
            torch.Tensor, "item", lambda value: (checked.append(trainer.global_step), item(value))[1]
        )
        inner(self, trainer, *args)
        monkeypatch.setattr(torch.Tensor, "item", item)

    monkeypatch.setattr(StopAtDivergence, "on_train_batch_end", record)
    fit("--trainer.log_every_n_steps=4")
    assert checked == [4, 6]
    spoil(1, loss=float("nan"))
    with pytest.raises(DivergedError, match="step 4"):
        fit("--trainer.log_every_n_steps=4")


def test_same_config_and_seed_give_the_same_bits(fit):
    one, two, other = fit(), fit(), fit("--seed_everything=2")
    weights = [
        torch.cat([value.flatten() for value in run.model.parameters()]).detach() for run in (one, two, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert curves(FOLDER) == curves(FOLDER.with_name("version_1"))
