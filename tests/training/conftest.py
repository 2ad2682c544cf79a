"""Helpers of the tests of training: a killed run, and comparing checkpoints."""

import torch


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing is saved."""


def checkpoint_content(path):
    """The state in a checkpoint: weights, optimizer, schedule, counters and callbacks."""
    content = torch.load(path, weights_only=True)
    for callback in content["callbacks"].values():
        callback.pop("current_score", None)  # Lightning does not restore it
    return {key: value for key, value in content.items() if "hyper" not in key}


def assert_same(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, yours in zip(one, other, strict=True):
            assert_same(mine, yours)
    else:
        assert one == other
