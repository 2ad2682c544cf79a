import math

import pytest
import torch
import torch.nn.functional as F
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec import MLP, DigitClassifier
from digitrec.data.batches import Batch, PredictBatch


class Recorded(torch.nn.Module):
    """A network that returns fixed log-probabilities."""

    returns_log_probabilities = True  # as MLP says, too

    def __init__(self, log_probabilities):
        super().__init__()
        self.log_probabilities = torch.nn.Parameter(log_probabilities)

    def forward(self, images):
        return self.log_probabilities[: len(images)]


@pytest.fixture
def log_probabilities():
    return torch.randn(8, 10, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)


def classifier(network, **kwargs):
    model = DigitClassifier(network, torch.optim.Adam, **kwargs)
    model.log = lambda *args, **kwargs: None
    return model


def batch(count=8):
    return Batch(torch.zeros(count, 28, 28), torch.arange(count))


def scalars(folder, tag):
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_loss_is_cross_entropy_and_equals_nll_on_log_probabilities(log_probabilities):
    loss, _ = classifier(Recorded(log_probabilities))._step("val", batch())
    torch.testing.assert_close(loss, F.cross_entropy(log_probabilities, batch().targets))
    torch.testing.assert_close(loss, F.nll_loss(log_probabilities, batch().targets))


def test_logits_and_log_probabilities_give_the_published_loss(log_probabilities):
    logits = 3 * log_probabilities + torch.arange(8.0)[:, None]
    expected = F.cross_entropy(logits, batch().targets)
    for output in (logits, logits.log_softmax(1)):
        network = Recorded(output)
        network.returns_log_probabilities = False
        loss, predicted = classifier(network)._step("val", batch())
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(predicted, logits.log_softmax(1))


def test_label_smoothing_equals_pytorchs_and_is_for_training_only(log_probabilities):
    model = classifier(Recorded(log_probabilities), label_smoothing=0.2)
    model._trainer = type("Trainer", (), {"log_every_n_steps": 1000, "global_step": 0})()
    smoothed = F.cross_entropy(log_probabilities, batch().targets, label_smoothing=0.2)
    torch.testing.assert_close(model._step("train", batch())[0], smoothed)
    torch.testing.assert_close(
        model._step("val", batch())[0], F.cross_entropy(log_probabilities, batch().targets)
    )


def training(network, **kwargs):
    model = classifier(network, **kwargs)
    model._trainer = type("Trainer", (), {"log_every_n_steps": 1000, "global_step": 0})()
    return model


def test_outliers_are_trained_towards_uniform_probabilities(log_probabilities):
    images, labels = torch.zeros(6, 28, 28), torch.arange(6)
    targets = torch.cat([F.one_hot(labels, 10).float(), torch.full((2, 10), 0.1)])
    loss, _ = training(Recorded(log_probabilities))._step("train", Batch(images, labels, images[:2]))
    torch.testing.assert_close(loss, F.cross_entropy(log_probabilities, targets))


def test_outliers_do_not_change_label_smoothing_of_digits(log_probabilities):
    images, labels = torch.zeros(6, 28, 28), torch.arange(6)
    model = training(Recorded(log_probabilities), label_smoothing=0.2)
    digits = F.cross_entropy(log_probabilities[:6], labels, label_smoothing=0.2)
    others = F.cross_entropy(log_probabilities[6:], torch.full((2, 10), 0.1))
    loss, _ = model._step("train", Batch(images, labels, images[:2]))
    torch.testing.assert_close(loss, (6 * digits + 2 * others) / 8)


def test_temperature_divides_the_logits(log_probabilities):
    images = torch.zeros(8, 28, 28)
    for temperature in (0.5, 2.5):
        model = classifier(Recorded(log_probabilities), temperature=temperature)
        expected = (log_probabilities / temperature).softmax(dim=1)
        torch.testing.assert_close(model(images).exp(), expected)
        prediction = model.predict_step(PredictBatch(images, torch.arange(8)), 0)
        torch.testing.assert_close(prediction["probabilities"], expected)
        assert torch.equal(prediction["digit"], log_probabilities.argmax(dim=1))


def test_temperature_of_one_changes_nothing_and_is_not_in_state_dict(log_probabilities):
    assert torch.equal(classifier(Recorded(log_probabilities))(torch.zeros(8, 28, 28)), log_probabilities)
    with_temperature = DigitClassifier(MLP(), torch.optim.Adam, temperature=0.7)
    assert (
        with_temperature.state_dict().keys() == DigitClassifier(MLP(), torch.optim.Adam).state_dict().keys()
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_impossible_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        DigitClassifier(MLP(), torch.optim.Adam, temperature=temperature)


def test_checkpoint_stores_temperature_and_old_ones_default_to_one(fit, workplace):
    cli = fit("--model.temperature=0.7", "--trainer.limit_train_batches=1")
    path = workplace / cli.trainer.log_dir / "checkpoints" / "last.ckpt"
    assert DigitClassifier.load_from_checkpoint(path, map_location="cpu").temperature == 0.7
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["hyper_parameters"]["temperature"]
    torch.save(checkpoint, path)
    assert DigitClassifier.load_from_checkpoint(path, map_location="cpu").temperature == 1


def test_test_metrics_weight_batches_by_size(log_probabilities):
    model = classifier(Recorded(log_probabilities))
    model.test_step(batch(8), 0)
    model.test_step(batch(2), 1)
    rows, labels = torch.cat([log_probabilities, log_probabilities[:2]]), torch.tensor([*range(8), 0, 1])
    torch.testing.assert_close(model.metrics["test/loss"].compute(), F.nll_loss(rows, labels))
    correct = (rows.argmax(dim=1) == labels).float().mean()
    torch.testing.assert_close(model.metrics["test/acc"].compute(), correct)


@pytest.mark.parametrize("stage", ["validation", "test"])
def test_evaluation_steps_return_log_probabilities(stage, log_probabilities):
    model = classifier(Recorded(log_probabilities))
    assert torch.equal(getattr(model, f"{stage}_step")(batch(5), 0), log_probabilities[:5])


def test_prediction_is_the_most_probable_digit(log_probabilities):
    indices = torch.arange(40, 48)
    prediction = classifier(Recorded(log_probabilities)).predict_step(
        PredictBatch(torch.zeros(8, 28, 28), indices), 0
    )
    assert torch.equal(prediction["index"], indices)
    assert torch.equal(prediction["digit"], log_probabilities.argmax(dim=1))
    torch.testing.assert_close(prediction["probabilities"], log_probabilities.exp())


def test_label_smoothing_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match=r"label_smoothing must be 0 to 1, not 1\.5"):
        DigitClassifier(MLP(), torch.optim.Adam, label_smoothing=1.5)


def test_logged_loss_belongs_to_its_step(fit, monkeypatch):
    computed = []
    step = DigitClassifier.training_step

    def record(self, batch, batch_idx):
        loss = step(self, batch, batch_idx)
        computed.append(loss.item())
        return loss

    monkeypatch.setattr(DigitClassifier, "training_step", record)
    cli = fit("--trainer.log_every_n_steps=3", "--trainer.max_epochs=2", "--data.batch_size=32")
    # 350 images are 11 steps an epoch. The trainer logs under the number of the step, counted from 0.
    logged = scalars(cli.trainer.log_dir, "train/loss")
    assert [step for step, _ in logged] == [2, 5, 8, 11, 14, 17, 20]
    assert [value for _, value in logged] == pytest.approx([computed[step] for step, _ in logged])


def test_validation_is_logged_once_an_epoch(fit):
    cli = fit("--trainer.max_epochs=3", "--data.batch_size=35")
    assert [step for step, _ in scalars(cli.trainer.log_dir, "val/acc")] == [9, 19, 29]


def test_one_cycle_schedule_spans_the_run_and_is_logged(fit):
    cli = fit(
        "--model.scheduler=torch.optim.lr_scheduler.OneCycleLR",
        "--model.scheduler.init_args.max_lr=0.01",
        "--model.scheduler_interval=step",
        "--trainer.max_epochs=2",
        "--trainer.log_every_n_steps=1",
        "--data.batch_size=35",
    )
    rates = [rate for _, rate in scalars(cli.trainer.log_dir, "train/learning_rate")]
    assert len(rates) == 20
    assert max(rates) == pytest.approx(0.01, rel=0.02)
    assert rates[0] == pytest.approx(0.01 / 25)
    assert rates[-1] < 0.01 / 1000


def test_epoch_schedule_is_stepped_after_each_epoch(fit):
    cli = fit(
        "--model.scheduler=torch.optim.lr_scheduler.ExponentialLR",
        "--model.scheduler.init_args.gamma=0.5",
        "--trainer.max_epochs=3",
        "--trainer.log_every_n_steps=1",
        "--data.batch_size=175",
    )
    rates = [rate for _, rate in scalars(cli.trainer.log_dir, "train/learning_rate")]
    assert rates == pytest.approx([0.001, 0.001, 0.0005, 0.0005, 0.00025, 0.00025])


def test_fit_learns_the_fake_digits(fit):
    cli = fit("--trainer.max_epochs=8")
    assert cli.trainer.callback_metrics["val/acc"] == 1
    assert cli.trainer.callback_metrics["val/loss"] < math.log(10) / 4


def test_recognizer_leaves_the_training_mode_of_the_network(log_probabilities):
    model = classifier(Recorded(log_probabilities), threshold=0.3).train()
    recognizer = model.recognizer()
    assert model.network.training
    assert not recognizer.network.training
    assert recognizer.threshold == 0.3
