"""Stroke width, blur and brightness on values."""

import pytest
import torch
from torch import Tensor

from digitrec.data.distortion import redraw
from tests.models.images import dot, noise


def redrawn(images: Tensor, stroke: float = 0.0, blur: float = 0.0, brightness: float = 1.0) -> Tensor:
    """Redraw every image with the same stroke, blur and brightness."""
    return redraw(images, *(torch.full((len(images),), value) for value in (stroke, blur, brightness)))


def bar() -> Tensor:
    """Return a vertical stroke four pixels wide, columns 12 to 15."""
    image = torch.zeros(1, 28, 28)
    image[0, 4:24, 12:16] = 200.0
    return image


def test_neutral_parameters_change_nothing() -> None:
    assert torch.equal(redrawn(noise(3)), noise(3))


@pytest.mark.parametrize(("stroke", "columns"), [(1.0, range(11, 17)), (-1.0, range(13, 15))])
def test_stroke_of_one_adds_or_removes_a_pixel_on_each_side(stroke: float, columns: range) -> None:
    row = redrawn(bar(), stroke=stroke)[0, 14]
    assert row.nonzero().squeeze(1).tolist() == list(columns)
    assert row.max() == 200


def test_stroke_of_a_half_halves_the_pixels_on_each_side() -> None:
    wider, narrower = redrawn(bar(), stroke=0.5)[0, 14], redrawn(bar(), stroke=-0.5)[0, 14]
    assert wider[10:18].tolist() == [0, 100, 200, 200, 200, 200, 100, 0]
    assert narrower[10:18].tolist() == [0, 0, 100, 200, 200, 100, 0, 0]


def test_stroke_ignores_what_is_outside_the_image() -> None:
    full = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    assert torch.equal(redrawn(full, stroke=-1.0), full)


def test_blur_has_the_given_standard_deviation_and_keeps_the_sum() -> None:
    result = redrawn(dot(10, 20), blur=1.0)[0]
    assert result.sum().item() == pytest.approx(200)
    along = torch.arange(28.0)
    for axis, center in ((1, 10), (0, 20)):
        assert (result.sum(axis) @ (along - center) ** 2 / result.sum()).item() == pytest.approx(1)
    torch.testing.assert_close(redrawn(dot(10, 20), blur=0.5)[0], (result + dot(10, 20)[0]) / 2)


def test_brightness_scales_and_saturates_at_the_maximum_of_each_image() -> None:
    images = torch.cat([noise(), noise() // 2])
    peaks = images.amax(dim=(1, 2)).view(-1, 1, 1).float()
    assert torch.equal(redrawn(images.float(), brightness=0.5), images.float() / 2)
    assert torch.equal(redrawn(images.float(), brightness=2.0), torch.minimum(images.float() * 2, peaks))
