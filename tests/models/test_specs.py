"""What a checkpoint says of the objects that a user made in Python."""

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch.cli import ReduceLROnPlateau
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import digitrec.models
from digitrec.data import OutlierImages, RandomDistortion, SyntheticDigits
from digitrec.data.synthetic.detected import DetectedDigits
from digitrec.models import MLP, TTA, DigitDetector
from digitrec.models.specs import describe, instantiate

DESCRIBED = {
    "a class": (torch.optim.Adam, ("torch.optim.Adam", {})),
    "a partial": (
        partial(torch.optim.SGD, lr=0.1, nesterov=True),
        ("torch.optim.SGD", {"lr": 0.1, "nesterov": True}),
    ),
    "a schedule": (partial(OneCycleLR, max_lr=0.1), ("torch.optim.lr_scheduler.OneCycleLR", {"max_lr": 0.1})),
    "Lightning's plateau": (
        partial(ReduceLROnPlateau, monitor="val/loss"),
        ("lightning.pytorch.cli.ReduceLROnPlateau", {"monitor": "val/loss"}),
    ),
    "a network": (MLP((7, 5)), ("digitrec.models.MLP", {"hidden": [7, 5], "deskew": False})),
    "the detector": (
        DigitDetector((4, 4, 4, 4)),
        ("digitrec.models.DigitDetector", {"channels": [4, 4, 4, 4]}),
    ),
    "TTA": (
        TTA(rotation=3.0),
        ("digitrec.models.TTA", {"rotation": 3.0, "shear": 0.12, "width": 0.08, "stroke": 0.4}),
    ),
    "synthetic digits": (
        SyntheticDigits(count=20),
        ("digitrec.data.SyntheticDigits", {"count": 20, "jitter": 0.04, "seed": 0}),
    ),
    "outliers": (OutlierImages(seed=3), ("digitrec.data.OutlierImages", {"count": 40_000, "seed": 3})),
}


@pytest.mark.parametrize(("value", "expected"), DESCRIBED.values(), ids=DESCRIBED)
def test_class_and_arguments_are_described(value, expected):
    path, arguments = expected
    assert describe(value) == {"class_path": path, "init_args": arguments}


def test_plain_values_stay():
    values = {"hidden": (3, None), "share": 0.5, "folder": Path("a/b"), "on": True}
    assert [describe(value) for value in values.values()] == [[3, None], 0.5, "a/b", True]


@pytest.mark.parametrize(
    "made",
    [MLP((3,)), TTA(stroke=0.1), RandomDistortion(rotation=3, blur=0.2, size=0.1), DetectedDigits(count=9)],
    ids=lambda made: type(made).__name__,
)
def test_description_builds_the_same_object(made):
    again = instantiate(describe(made))
    assert type(again) is type(made)
    assert describe(again) == describe(made)


class Net(nn.Module):
    __module__, __qualname__ = "digitrec.models", "Net"

    def __init__(self, width=4, depth=1):
        super().__init__()
        self.width, self.layers = width, nn.Linear(784, 10 * depth)


class Changed(Net):
    __module__, __qualname__ = "digitrec.models", "Changed"

    def __init__(self, width=4):
        super().__init__()
        self.width, self.layers = width + 1, nn.Linear(784, width)


REFUSED = {
    "a lambda": (lambda parameters: None, "a function, <lambda>: use a class, or functools.partial of one"),
    "a partial of a function": (partial(describe, value=3), "a function, functools.partial: use a class"),
    "a class from elsewhere": (
        Path,
        "Path of pathlib.*, no class of digitrec, torch.nn or torch.optim: move it into",
    ),
    "a network of a notebook": (
        type("CNN", (nn.Module,), {"__module__": "__main__"})(),
        "CNN of __main__, no class",
    ),
    "a sequence of layers": (
        nn.Sequential(nn.Flatten()),
        "a Sequential of any objects: write a class of its own",
    ),
    "an argument that is not kept": (
        Net(),
        "a Net that does not keep its argument depth: add self.depth = depth",
    ),
    "an attribute with another value": (Changed(), "a Changed whose attributes are not the arguments"),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_again_is_named(value, message, monkeypatch):
    for cls in (Net, Changed):
        monkeypatch.setattr(digitrec.models, cls.__name__, cls, raising=False)
    with pytest.raises(TypeError, match=message):
        describe(value)
