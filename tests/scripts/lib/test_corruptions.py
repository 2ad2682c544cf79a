"""scripts/lib/corruptions.py on images whose corruption is known."""

import math

import pytest
import torch
from torch import Generator

from scripts.lib.corruptions import (
    CORRUPTIONS,
    impulse_noise,
    motion_blur,
    rotate,
    rotated,
    scale,
    shear,
    shifted,
    shot_noise,
    stripe,
    translate,
)

pytestmark = pytest.mark.scripts


def random(seed=0):
    return Generator().manual_seed(seed)


def dot(y, x, count=1):
    images = torch.zeros(count, 28, 28)
    images[:, y, x] = 255
    return images


def centre(image):
    """Return the center of mass of an image, (x, y) in pixels from the center of the frame, y down."""
    places = torch.arange(28) - 13.5
    return (
        ((image.sum(dim=0) * places).sum() / image.sum()).item(),
        ((image.sum(dim=1) * places).sum() / image.sum()).item(),
    )


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
def test_a_corruption_is_its_seeds_stays_in_range_and_leaves_its_input_alone(corrupt):
    images = torch.rand(40, 28, 28, generator=random()) * 255
    before = images.clone()
    corrupted = corrupt(images, random(1))
    assert torch.equal(images, before)
    assert torch.equal(corrupt(images, random(1)), corrupted)
    assert corrupted.shape == images.shape
    assert 0 <= corrupted.min() < corrupted.max() <= 255
    if corrupt not in (scale, stripe):  # which draw nothing
        assert not torch.equal(corrupt(images, random(2)), corrupted)


def test_shot_noise_is_thirds_of_white_with_the_spread_of_counted_photons():
    black, grey = torch.zeros(9, 28, 28), torch.full((200, 28, 28), 85.0)  # one photon on average
    assert not shot_noise(black, random()).any()
    photons = shot_noise(grey, random()) / 85
    assert sorted(photons.unique().round().tolist()) == [0, 1, 2, 3]
    for count, share in enumerate([math.exp(-1), math.exp(-1), math.exp(-1) / 2]):
        assert ((photons - count).abs() < 0.1).float().mean().item() == pytest.approx(share, abs=0.005)


def test_impulse_noise_sets_17_pixels_of_100_half_of_them_white():
    noisy = impulse_noise(torch.full((200, 28, 28), 100.0), random())
    assert sorted(noisy.unique().tolist()) == [0, 100, 255]
    assert (noisy == 0).float().mean().item() == pytest.approx(0.085, abs=0.003)
    assert (noisy == 255).float().mean().item() == pytest.approx(0.085, abs=0.003)


def test_motion_blur_smears_a_dot_into_half_a_gaussian_within_45_degrees(monkeypatch):
    blurred = motion_blur(dot(14, 24, 500), random())
    assert torch.allclose(blurred.sum(dim=(1, 2)), torch.tensor(255.0), atol=0.1)
    weights = torch.exp(-(torch.arange(21.0) ** 2) / 18)
    assert blurred[:, 14, 24].min().item() == pytest.approx(255 * (weights[0] / weights.sum()).item())
    angles = [math.degrees(math.atan2(y - 0.5, x - 10.5)) for x, y in map(centre, blurred)]
    steep = [abs(abs(angle) - 180) for angle in angles]
    assert max(steep) < 50  # 45, and what the rounding of the steps adds
    assert max(steep) > 40
    monkeypatch.setattr(torch, "rand", lambda count, generator: torch.full((count,), 0.5))  # level
    level = motion_blur(dot(14, 24), random())[0]
    assert torch.allclose(level[14, 4:25].flip(0), 255 * weights / weights.sum())
    assert not level[:14].any()
    assert not level[15:].any()


@pytest.mark.parametrize("place", [(6, 13), (6, 14), (21, 13), (21, 14)])
def test_shear_moves_what_lies_above_and_below_the_centre_opposite_ways(place):
    y, x = place[0] - 13.5, place[1] - 13.5
    # y is looked up at y cos 0.4, so it ends at y / cos 0.4, and x is moved by tan 0.4 times y.
    ends = {(round(x + s * y * math.tan(0.4), 1), round(y / math.cos(0.4), 1)) for s in (-1, 1)}
    found = {tuple(round(value, 1) for value in centre(image)) for image in shear(dot(*place, 30), random())}
    for found_x, found_y in found:
        assert any(abs(found_x - x) < 0.3 and abs(found_y - y) < 0.3 for x, y in ends)
    assert len({found_x > x for found_x, _ in found}) == 2  # both ways


def test_scale_brings_everything_nearer_to_the_centre_by_three_tenths():
    image = torch.zeros(1, 28, 28)
    image[0, 4:24, 4:24] = 255  # 20 pixels a side, so 14 after it
    scaled = scale(image, random())[0]
    assert torch.allclose(scaled[8:20, 8:20], torch.tensor(255.0))
    assert scaled.sum().item() / 255 == pytest.approx(14**2, rel=0.02)
    assert not scaled[:6].any()


def test_rotate_turns_by_0_4_radians_one_way_or_the_other():
    angles = {round(math.atan2(y, x), 1) for x, y in map(centre, rotate(bar(30), random()))}
    assert angles == {-0.4, 0.4}


def bar(count=1):
    """Return images of a horizontal bar to the right of the center."""
    images = torch.zeros(count, 28, 28)
    images[:, 13:15, 16:24] = 255
    return images


def test_rotated_rotates_counter_clockwise():
    ((x, y),) = map(centre, rotated(bar(), torch.tensor([math.pi / 2])))
    assert (x, y) == pytest.approx((0, -6), abs=0.01)


def test_translate_shifts_by_3_pixels_along_both_axes():
    moved = translate(dot(10, 12, 60), random())
    assert moved.flatten(1).max(dim=1).values.tolist() == [255] * 60
    places = {tuple(image.nonzero()[0].tolist()) for image in moved > 200}
    assert places == {(7, 9), (7, 15), (13, 9), (13, 15)}


def test_shifted_shifts_to_the_right_and_down_and_black_comes_in():
    moved = shifted(torch.full((1, 28, 28), 90.0), torch.tensor([2.0, 1.0]))
    expected = torch.full((28, 28), 90.0)
    expected[0], expected[:, :2] = 0, 0
    assert torch.allclose(moved[0], expected, atol=1e-3)


def test_stripe_inverts_7_columns_on_both_sides_and_no_other():
    striped = stripe(torch.full((1, 28, 28), 55.0), random())[0]
    expected = torch.full((28, 28), 200.0)
    expected[:, 7:21] = 55
    assert torch.equal(striped, expected)
