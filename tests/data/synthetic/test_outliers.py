import pytest
import torch

from digitrec.data.synthetic.outliers import (
    OutlierImages,
    blots,
    glyphs,
    letters,
    noise,
    overlapping,
    rotated,
    scribbles,
)
from digitrec.data.synthetic.strokes import center


def digits(count=60):
    """Images whose brightest column and row show its orientation; the labels are 0 to 9 in turn."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 4:24, 12:16] = 200
    images[:, 4:8, 12:22] = 200
    return images, torch.arange(count) % 10


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_count_and_seed_decide_the_images():
    made = OutlierImages(count=37, seed=3)(*digits())
    assert made.shape == (37, 28, 28)
    assert made.dtype == torch.uint8
    assert torch.equal(OutlierImages(count=37, seed=3)(*digits()), made)
    assert not torch.equal(OutlierImages(count=37, seed=4)(*digits()), made)


def test_outliers_have_the_place_and_size_of_a_digit():
    made = OutlierImages(count=300)(*digits()).float()
    foreground = made > 64
    sides = torch.stack([foreground.any(1).sum(1), foreground.any(2).sum(1)]).amax(0)
    assert (sides > 0).all()
    assert (sides <= 24).all()
    assert ((sides - 20).abs() <= 2).float().mean() > 0.7
    places = torch.arange(28) - 13.5
    mass = made.sum((1, 2))
    assert ((made.sum(1) @ places / mass).abs() < 2).all()


def test_global_random_state_is_unchanged():
    before = torch.get_rng_state()
    OutlierImages(count=20)(*digits())
    assert torch.equal(torch.get_rng_state(), before)


def test_rotated_outliers_are_quarter_turns_of_asymmetric_digits():
    images, labels = digits()
    images[torch.isin(labels, torch.tensor([0, 1, 8]))] = 77  # symmetric digits, which are never rotated
    made = rotated(images, labels, 50, random())
    upright = images[2].float()
    turns = [torch.rot90(upright, 1), torch.rot90(upright, -1)]
    found = [[torch.equal(image, turn) for turn in turns] for image in made]
    assert all(any(row) for row in found)
    assert all(any(column) for column in zip(*found, strict=True))


def test_overlapping_digits_keep_the_strokes_of_both():
    images, labels = digits()
    made = overlapping(images, labels, 50, random())
    one = images[0].float().sum()
    assert (made.sum((1, 2)) > 1.2 * one).all()
    assert (made.sum((1, 2)) <= 2.01 * one).all()


@pytest.mark.parametrize("kind", [glyphs, scribbles])
def test_glyphs_and_scribbles_are_bright_and_distinct(kind):
    made = kind(*digits(), 100, random())
    assert made.amax(dim=(1, 2)).min() > 200
    assert made.min() == 0
    assert made.max() <= 255
    assert len(made.unique(dim=0)) == 100


def test_noise_is_sparse_or_dense_and_of_several_grains():
    made = noise(*digits(), 60, random())
    assert (made.shape, made.min(), made.amax() <= 255) == ((60, 28, 28), 0, True)
    dark = (made == 0).float().mean((1, 2))
    assert dark.min() < 0.2
    assert dark.max() > 0.6
    steps = made.diff(dim=2).abs().mean((1, 2)) / made.mean((1, 2))
    assert steps[:20].mean() > 2 * steps[40:].mean()  # grains of one pixel, and of four


def test_scribbles_have_more_foreground_than_glyphs_and_blots_are_solid():
    few, many, blot = (kind(*digits(), 200, random()).mean() for kind in (glyphs, scribbles, blots))
    assert many > 1.3 * few
    middle = blots(*digits(), 200, random())[:, 13:15, 13:15]
    assert (middle > 200).float().mean() > 0.9
    assert blot > few


def test_center_scales_to_20_pixels_and_centers_the_mass():
    image = torch.zeros(1, 28, 28)
    image[0, 2:12, 3:8] = 255.0
    result = center(image)[0]
    rows, columns = (result.amax(dim=axis) > 127 for axis in (1, 0))
    assert (rows.sum(), columns.sum()) == (20, 10)
    assert rows.nonzero().float().mean() == 13.5
    assert columns.nonzero().float().mean() == 13.5


def test_center_keeps_empty_images_empty():
    assert not center(torch.zeros(2, 28, 28)).any()


def test_count_below_eleven_is_refused():
    with pytest.raises(ValueError, match="count must be at least 11, not 10"):
        OutlierImages(count=10)


def test_letters_are_drawn_evenly():
    images, labels = digits()
    made = letters(images, labels, 75, random())
    assert made.shape == (75, 28, 28)
    assert made.amax((1, 2)).min() > 128
    assert len(made.flatten(1).unique(dim=0)) == 75
