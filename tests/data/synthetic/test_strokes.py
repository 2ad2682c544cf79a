"""Skeletons to images: in the size and place of MNIST's digits, each with other parameters."""

import pytest
import torch

from digitrec.data.synthetic.strokes import center, distance_to, draw, shifted

CROSS = (((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1)))
RING = (((0.5, 0), (0, 0.5), (0.5, 1), (1, 0.5), (0.5, 0)),)
CORNER = (((0, 0), (0, 1)), ((0, 1), (1, 1)))


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_seed_decides_the_strokes_and_global_state_is_unchanged():
    before = torch.get_rng_state()
    first, again, other = (draw(CROSS, 20, 0.04, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("skeleton", [CROSS, RING, CORNER])
def test_drawn_skeletons_have_the_size_and_place_of_mnist_digits(skeleton):
    images = draw(skeleton, 200, 0.04, random()).float()
    foreground = images > 64
    longest = torch.stack([foreground.any(1).sum(1), foreground.any(2).sum(1)]).amax(0)
    assert ((longest - 20).abs() <= 1).all()
    places = torch.arange(28) - 13.5
    weights = images.sum((1, 2))
    assert ((images.sum(1) @ places / weights).abs() < 0.6).all()
    assert ((images.sum(2) @ places / weights).abs() < 0.6).all()


def test_closed_stroke_has_an_empty_inside_and_no_gap():
    for image in draw(RING, 50, 0.0, random()) > 64:
        row, column = image[14], image[:, 14]
        for line in (row, column):
            crossings = (line.int().diff() == 1).sum()
            assert crossings == 2
        outside = torch.zeros(30, 30, dtype=torch.bool)
        outside[0, 0] = True  # flood fill from the corner: it reaches neither the stroke nor its inside
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


def test_strokes_that_share_a_point_stay_joined():
    for image in draw(CORNER, 50, 0.1, random()) > 64:
        reached = torch.zeros_like(image)
        reached.view(-1)[image.view(-1).int().argmax()] = True
        for _ in range(80):
            near = torch.nn.functional.max_pool2d(reached.float()[None], 3, 1, 1)[0] > 0
            reached = near & image
        assert torch.equal(reached, image)


def test_stroke_width_differs_between_images():
    foreground = draw(CROSS, 200, 0.0, random()).float().sum((1, 2)) / 255
    assert foreground.max() > 2 * foreground.min()


def test_distance_is_measured_from_the_center_in_pixels():
    away = distance_to(torch.tensor([[[0.5, 0.5], [10.5, 0.5]]]))[0]
    assert away[14, 14] == 0  # the pixel half a pixel right of and below the center
    assert away[14, 18] == 4
    assert away[14, 22] == 2
    assert away[17, 14] == 3


def test_shifted_moves_right_and_down():
    image = torch.zeros(1, 28, 28)
    image[0, 10, 12] = 255
    assert shifted(image, torch.tensor([[3.0, 2.0]]))[0, 12, 15] == 255


def test_center_of_strokes_keeps_empty_images_empty():
    assert center(torch.zeros(2, 28, 28)).sum() == 0
