"""Skeletons to images: in MNIST's size and place, each in another hand."""

import pytest
import torch

from digitrec.data.synthetic.strokes import center, distance_to, draw, shifted

CROSS = (((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1)))
RING = (((0.5, 0), (0, 0.5), (0.5, 1), (1, 0.5), (0.5, 0)),)
CORNER = (((0, 0), (0, 1)), ((0, 1), (1, 1)))


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_draws_the_same_and_leaves_the_global_state_alone():
    before = torch.get_rng_state()
    first, again, other = (draw(CROSS, 20, 0.04, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("skeleton", [CROSS, RING, CORNER])
def test_what_is_drawn_has_the_size_and_place_of_mnists_digits(skeleton):
    images = draw(skeleton, 200, 0.04, random()).float()
    ink = images > 64
    longest = torch.stack([ink.any(1).sum(1), ink.any(2).sum(1)]).amax(0)
    assert ((longest - 20).abs() <= 1).all()
    places = torch.arange(28) - 13.5
    weights = images.sum((1, 2))
    assert ((images.sum(1) @ places / weights).abs() < 0.6).all()
    assert ((images.sum(2) @ places / weights).abs() < 0.6).all()


def test_a_closed_stroke_leaves_its_inside_empty_and_has_no_gap():
    for image in draw(RING, 50, 0.0, random()) > 64:
        row, column = image[14], image[:, 14]
        for line in (row, column):
            crossings = (line.int().diff() == 1).sum()
            assert crossings == 2
        outside = torch.zeros(30, 30, dtype=torch.bool)
        outside[0, 0] = True  # flood from the corner: what it does not reach is ink or inside
        wall = torch.zeros(30, 30, dtype=torch.bool)
        wall[1:-1, 1:-1] = image
        for _ in range(120):
            grown = outside.clone()
            grown[1:] |= outside[:-1]
            grown[:-1] |= outside[1:]
            grown[:, 1:] |= outside[:, :-1]
            grown[:, :-1] |= outside[:, 1:]
            outside = grown & ~wall
        assert not outside[15, 15]


def test_strokes_that_share_a_point_stay_joined_however_the_points_move():
    for image in draw(CORNER, 50, 0.1, random()) > 64:
        reached = torch.zeros_like(image)
        reached.view(-1)[image.view(-1).int().argmax()] = True
        for _ in range(80):
            near = torch.nn.functional.max_pool2d(reached.float()[None], 3, 1, 1)[0] > 0
            reached = near & image
        assert torch.equal(reached, image)


def test_pens_differ_from_image_to_image():
    ink = draw(CROSS, 200, 0.0, random()).float().sum((1, 2)) / 255
    assert ink.max() > 2 * ink.min()


def test_distance_is_measured_from_the_centre_in_pixels():
    away = distance_to(torch.tensor([[[0.5, 0.5], [10.5, 0.5]]]))[0]
    assert away[14, 14] == 0  # the pixel half a pixel right of and below the centre
    assert away[14, 18] == 4
    assert away[14, 22] == 2
    assert away[17, 14] == 3


def test_moving_shifts_right_and_down():
    image = torch.zeros(1, 28, 28)
    image[0, 10, 12] = 255
    assert shifted(image, torch.tensor([[3.0, 2.0]]))[0, 12, 15] == 255


def test_centring_leaves_an_empty_image_empty():
    assert center(torch.zeros(2, 28, 28)).sum() == 0
