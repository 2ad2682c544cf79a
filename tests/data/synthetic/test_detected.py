from functools import partial

import pytest
import torch

from digitrec.data.pages import datamodule
from digitrec.data.synthetic.detected import DetectedDigits


@pytest.fixture
def folder(fake_mnist, monkeypatch):
    small = partial(datamodule.PoolSizes, written=50, drawn=400, marks=300)
    monkeypatch.setattr(datamodule, "PoolSizes", small)
    monkeypatch.setattr("digitrec.data.synthetic.detected.VALIDATION_IMAGES", 100)
    return fake_mnist


def test_detected_digits_are_added_and_kept(folder):
    digits = torch.zeros(3, 28, 28, dtype=torch.uint8), torch.arange(3)
    images, labels = DetectedDigits(40, str(folder))(*digits)
    assert (images.dtype, images.shape, labels.dtype, labels.shape) == (
        torch.uint8,
        (43, 28, 28),
        torch.int64,
        (43,),
    )
    assert torch.equal(labels[:3], digits[1])
    assert labels.max() <= 9
    assert (images[3:].amax((1, 2)) > 200).all()
    (kept,) = folder.glob("detected-*-40-*.npz")
    written = kept.stat().st_mtime_ns
    again = DetectedDigits(40, str(folder))(*digits)
    assert torch.equal(images, again[0])
    assert kept.stat().st_mtime_ns == written


def test_marks_of_the_same_pages_are_outliers(folder):
    detected = DetectedDigits(300, str(folder))
    outliers = torch.zeros(4, 28, 28, dtype=torch.uint8)
    mixed = detected.with_marks(outliers)
    assert torch.equal(mixed, detected.with_marks(outliers))
    marks = mixed[mixed.amax((1, 2)) > 0]
    assert len(mixed) == len(marks) + 4
    _, labels = detected(torch.empty(0, 28, 28, dtype=torch.uint8), torch.empty(0, dtype=torch.int64))
    assert (len(labels), labels.min() >= 0) == (300, True)
    assert marks.dtype == torch.uint8
    assert 5 < len(marks) < 300
    assert (marks.amax((1, 2)) > 200).all()


def test_pages_are_upright(folder, monkeypatch):
    """A 9 that is turned by 180 degrees would be called a 9, and looks like a 6."""
    renderers = []
    whole = datamodule.PageDataset

    def dataset(renderer, *arguments, **named):
        renderers.append(renderer)
        return whole(renderer, *arguments, **named)

    monkeypatch.setattr(datamodule, "PageDataset", dataset)
    DetectedDigits(10, str(folder)).prepare()
    assert renderers[0].extras.turned == 0


def test_count_below_one_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1"):
        DetectedDigits(0)
