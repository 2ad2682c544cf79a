"""Helpers of the tests of training: a killed run, and comparing checkpoints."""

import torch


class Killed(BaseException):
    """Ends a run as a kill does: nothing is saved on the way out."""


def everything(path):
    """What a checkpoint holds of the run: weights, optimizer, schedule, counters and memories."""
    content = torch.load(path, weights_only=True)
    for callback in content["callbacks"].values():
        callback.pop("current_score", None)  # Lightning writes it, and does not read it back
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
