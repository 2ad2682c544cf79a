"""Affine maps and elastic displacements on values: known parameters move known pixels."""

import math

import pytest
import torch
from torch import Tensor

from digitrec.models.geometry import deskew, distort
from tests.models.images import dot, maps_of, no_displacement, noise


def ramp() -> Tensor:
    """Return an image of row * 100 + column: its distorted pixels tell their origin."""
    return (torch.arange(28.0).view(28, 1) * 100 + torch.arange(28.0)).unsqueeze(0)


def test_identity_parameters_change_nothing() -> None:
    images = noise(3)
    maps, displacements = maps_of().expand(3, 2, 3), no_displacement().expand(3, 2, 5, 5)
    assert torch.equal(distort(images, maps, displacements), images)
    torch.testing.assert_close(
        distort(images.float(), maps, displacements), images.float(), rtol=0, atol=1e-3
    )


def test_shift_moves_right_and_down_and_fills_with_background() -> None:
    images = noise()
    expected = torch.zeros_like(images)
    expected[:, 3:, 2:] = images[:, :-3, :-2]
    assert torch.equal(distort(images, maps_of(shift=(2.0, 3.0)), no_displacement()), expected)


def test_shift_of_half_a_pixel_interpolates() -> None:
    result = distort(dot(10, 20), maps_of(shift=(-0.5, 0.0)), no_displacement())
    torch.testing.assert_close(result, dot(10, 20) / 2 + dot(10, 19) / 2, rtol=0, atol=1e-3)


def test_rotation_is_counter_clockwise_about_the_center() -> None:
    images = noise()
    result = distort(images, maps_of(rotation=math.pi / 2), no_displacement())
    # The outermost pixels may be sampled a rounding error outside the image; uint8 hides it.
    assert torch.equal(result, torch.rot90(images, 1, dims=(1, 2)))


def test_scale_stretches_width_and_height_separately() -> None:
    wide = distort(ramp(), maps_of(scale=(2.0, 1.0)), no_displacement())[0]
    # Column 20 is 6.5 pixels from the center and samples at half that: 13.5 + 3.25.
    assert wide[8, 20].item() == pytest.approx(816.75, abs=1e-2)
    flat = distort(ramp(), maps_of(scale=(1.0, 0.5)), no_displacement())[0]
    # Row 10 is 3.5 pixels above the center and samples at twice that: 13.5 - 7.
    assert flat[10, 20].item() == pytest.approx(670.0, abs=1e-2)


def test_positive_shear_leans_the_digit_to_the_right() -> None:
    # Rows 3 and 24 are 10.5 pixels above and below the center, which stays.
    maps = maps_of(shear=4 / 10.5)
    torch.testing.assert_close(
        distort(dot(3, 14), maps, no_displacement())[0, 3], dot(3, 18)[0, 3], rtol=0, atol=1e-3
    )
    torch.testing.assert_close(
        distort(dot(24, 14), maps, no_displacement())[0, 24], dot(24, 10)[0, 24], rtol=0, atol=1e-3
    )


def test_map_inverts_scale_shear_rotation_shift_in_this_order() -> None:
    # Up is negative y, so a counter-clockwise rotation and a shear to the right have the minus signs.
    cos, sin = math.cos(0.3), math.sin(0.3)
    rotate = torch.tensor([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    shear = torch.tensor([[1, -0.2, 0], [0, 1, 0], [0, 0, 1]])
    scale = torch.diag(torch.tensor([1.3, 0.8, 1]))
    shift = torch.tensor([[1, 0, 2.5], [0, 1, -1.5], [0, 0, 1]])
    expected = torch.linalg.inv(shift @ rotate @ shear @ scale)[:2]
    torch.testing.assert_close(maps_of(0.3, (1.3, 0.8), 0.2, (2.5, -1.5))[0], expected)


def test_control_point_displaces_only_its_own_pixel() -> None:
    displacements = no_displacement(4)
    displacements[0, :, 1, 2] = torch.tensor([-3.0, 2.0])
    result = distort(ramp(), maps_of(), displacements)[0]
    # Four points over 28 pixels are on rows and columns 0, 9, 18 and 27.
    expected = ramp()[0, ::9, ::9].clone()
    expected[1, 2] = (9 + 2) * 100 + (18 - 3)
    torch.testing.assert_close(result[::9, ::9], expected, rtol=0, atol=0.02)


def test_displacement_between_control_points_is_bicubic() -> None:
    displacements = no_displacement(4)
    displacements[0, 0, 1, 2] = -3.0
    result = distort(ramp(), maps_of(), displacements)[0]
    # Keys's (1981) kernel with a = -0.75, a third of the way to the next point: 1.25/27 - 2.25/9 + 1.
    assert result[9, 21].item() == pytest.approx(921 - 3 * 0.79630, abs=0.01)


def test_equal_displacements_are_a_shift_in_the_opposite_direction() -> None:
    displacements = torch.tensor([-2.0, 5.0]).view(1, 2, 1, 1).expand(1, 2, 5, 5)
    result = distort(noise(), maps_of(), displacements)
    assert torch.equal(result, distort(noise(), maps_of(shift=(2.0, -5.0)), no_displacement()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_slanted_digits_are_deskewed_and_centered(dtype) -> None:
    bar = torch.zeros(1, 28, 28)
    bar[0, 6:22, 12:15] = 1.0  # its center of mass is half a pixel beside the middle
    maps = torch.cat([maps_of(shear=shear, shift=(shear * 4, 1.0)) for shear in (-0.4, 0.0, 0.3)])
    slanted = distort(bar.expand(3, 28, 28), maps, no_displacement().expand(3, 2, 5, 5)).to(dtype)
    upright = deskew(slanted)
    assert upright.dtype == dtype
    centered = distort(bar, maps_of(shift=(0.5, 0.0)), no_displacement())
    assert (slanted - centered).abs().sum(dim=(1, 2)).min() > 8
    assert (upright - centered).abs().sum(dim=(1, 2)).max() < 4  # of 48: interpolated twice


def test_image_without_a_stroke_is_not_deskewed() -> None:
    assert torch.equal(deskew(torch.zeros(2, 28, 28)), torch.zeros(2, 28, 28))
    assert deskew(torch.zeros(0, 28, 28)).shape == (0, 28, 28)
