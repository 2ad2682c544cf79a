"""A network is tried before the training: one sentence for what would fail or train to garbage."""

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.plugins.precision import Precision
from torch import nn

from digitrec import MLP, DigitClassifier


class Network(nn.Module):
    """Layers, and what is done to their output; ``channels`` adds a channel axis before them."""

    def __init__(self, *layers, output=lambda output: output, channels=True):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.output, self.channels = output, channels

    def forward(self, images):
        return self.output(self.layers(images.unsqueeze(1) if self.channels else images))


def linear(outputs=10):
    return nn.Flatten(), nn.Linear(784, outputs)


def convolution(*more):
    return nn.Conv2d(1, 2, 3), *more, nn.Flatten(), nn.Linear(2 * 26 * 26, 10)


def attempt(network, optimizer=torch.optim.Adam):
    return DigitClassifier(network, optimizer).try_step(Precision())


@pytest.mark.parametrize(
    "network",
    [
        Network(*linear()),
        Network(*linear(), nn.LogSoftmax(1)),
        Network(*convolution(nn.BatchNorm2d(2), nn.Dropout())),
    ],
    ids=["logits", "log-probabilities", "convolutions"],
)
def test_network_and_random_numbers_are_unchanged(network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    random = torch.get_rng_state()
    attempt(network)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


REFUSED = {
    "channel axis": (
        Network(*convolution(), channels=False),
        r"Network wants images with a channel axis, .*: begin its forward with images = images.unsq.*\(1\).",
    ),
    "eleven outputs": (
        Network(*linear(11)),
        r"Network returns \(4, 11\) for a batch of 4 images; it has to return logits or log-prob.* \(4, 10\)",
    ),
    "a tuple": (Network(*linear(), output=lambda output: (output,)), "Network returns tuple for a batch"),
    "NaN": (Network(*linear(), output=lambda output: output / 0 * 0), "Network returns NaN or infinity"),
    "other pixels": (
        Network(nn.Flatten(), nn.Linear(100, 10)),
        r"cannot take images \(batch, 28, 28\): mat1 and mat2 shapes .* \(.*test_trial\.py, line \d+\)",
    ),
}


@pytest.mark.parametrize(("network", "message"), REFUSED.values(), ids=REFUSED)
def test_unusable_network_is_one_sentence(network, message):
    with pytest.raises(MisconfigurationException, match=f"model.network: .*{message}"):
        attempt(network)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.LBFGS, torch.optim.Rprop])
def test_every_kind_of_optimizer_is_tried(optimizer):
    assert isinstance(attempt(MLP((4,)), optimizer), optimizer)


def test_optimizer_that_cannot_step_is_one_sentence():
    with pytest.raises(MisconfigurationException, match=r"model.optimizer, SparseAdam: SparseAdam does not"):
        attempt(MLP((4,)), torch.optim.SparseAdam)
