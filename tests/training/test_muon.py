import copy

import pytest
import torch
from torch import nn

from digitrec.training.muon import MuonAdamW, orthogonal


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(12, 30), nn.ReLU(), nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 5))


def train(net, optimizer, steps, first=0):
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        images, labels = torch.randn(16, 12, generator=generator), torch.arange(16) % 5
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()


def test_steps_are_those_of_torch():
    ours, theirs = network(), network()
    train(ours, MuonAdamW(ours.parameters(), 0.02, 0.003, ns_steps=5), 4)
    hidden = [theirs[0].weight, theirs[2].weight]
    others = [each for each in theirs.parameters() if all(each is not one for one in hidden)]
    muon = torch.optim.Muon(hidden, 0.02, 0.1, ns_steps=5)
    adamw = torch.optim.AdamW(others, 0.003, weight_decay=0.1, fused=True)
    for step in range(4):
        train(theirs, muon, 1, step)
        adamw.step()
        theirs.zero_grad()
    parts = zip(ours.parameters(), theirs.parameters(), network().parameters(), strict=True)
    for one, other, before in parts:
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)  # torch computes in bfloat16
        assert (one - before).abs().max() > 5e-3


def test_state_is_saved_and_resumed_exactly():
    whole = network()
    train(whole, MuonAdamW(whole.parameters()), 6)
    first = network()
    optimizer = MuonAdamW(first.parameters())
    train(first, optimizer, 3)
    state = copy.deepcopy(optimizer.state_dict())
    again = MuonAdamW(first.parameters(), lr=1.0)
    again.load_state_dict(state)
    train(first, again, 3, first=3)
    for one, other in zip(whole.parameters(), first.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_schedule_sets_both_learning_rates():
    optimizer = MuonAdamW(network().parameters())
    torch.optim.lr_scheduler.OneCycleLR(optimizer, [0.5, 0.25], 10, cycle_momentum=False, div_factor=10)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.025])


@pytest.mark.parametrize("shape", [(8, 30), (30, 8)])
def test_orthogonal(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape), 5))
    assert (values > 0.6).all()
    assert (values < 1.3).all()


def test_adamw_alone_trains_a_network_without_a_hidden_matrix():
    networks = [softmax_regression(), softmax_regression()]
    optimizers = [
        MuonAdamW(networks[0].parameters(), adamw_lr=0.01, weight_decay=0.1),
        torch.optim.AdamW(networks[1].parameters(), 0.01, weight_decay=0.1, fused=True),
    ]
    images = torch.rand(5, 6)
    for network, optimizer in zip(networks, optimizers, strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            network(images).square().mean().backward()
            optimizer.step()
    assert torch.equal(networks[0].weight, networks[1].weight)


def softmax_regression():
    torch.manual_seed(0)
    return torch.nn.Linear(6, 3)
