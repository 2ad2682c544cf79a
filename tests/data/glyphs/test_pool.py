import numpy as np
import pytest
import torch

from digitrec.data.glyphs import KINDS, MARK, SAMPLES, STEPS, Glyphs, drawn_digits, drawn_marks, from_images
from digitrec.data.synthetic.skeletons import digit_skeletons
from digitrec.data.synthetic.strokes import draw
from digitrec.models.normalization import BOX, SIDE


@pytest.fixture(scope="module")
def digits() -> Glyphs:
    return drawn_digits(140, seed=1)


def outline(glyphs: Glyphs, number: int) -> np.ndarray:
    """The signed distance to the outline, in units."""
    return glyphs.distances[number, 0].astype(float) / STEPS


def test_fields_have_the_documented_shapes_and_types(digits: Glyphs):
    side = SIDE * SAMPLES
    assert digits.distances.shape == (len(digits), 2, side, side)
    assert digits.distances.dtype == np.int8
    assert len(digits.widths) == len(digits.boxes) == len(digits.labels) == len(digits)


def test_drawn_digits_include_all_ten_and_fill_their_box(digits: Glyphs):
    assert set(digits.labels) == set(range(10))
    sides = digits.boxes[:, 2:] - digits.boxes[:, :2]
    np.testing.assert_allclose(sides.max(1), BOX, atol=1.1)
    np.testing.assert_allclose((digits.boxes[:, :2] + digits.boxes[:, 2:]) / 2, 0, atol=0.5)


def test_points_inside_are_within_half_the_width_of_the_center_line(digits: Glyphs):
    for number in range(0, len(digits), 9):
        inside = outline(digits, number) < -0.2
        to_center = digits.distances[number, 1].astype(float) / STEPS
        assert (to_center[inside] < digits.widths[number] / 2).all()
        assert to_center.min() < 0.3  # the line itself


def test_mnist_digit_keeps_its_strokes():
    images = draw(digit_skeletons()[3][0], 4, 0.02, torch.Generator().manual_seed(0)).numpy()
    glyphs = from_images(images, np.full(4, 3))
    assert list(glyphs.labels) == [3] * 4
    for number, image in enumerate(images):
        inside = outline(glyphs, number) < 0
        area = inside.sum() / SAMPLES**2
        assert area == pytest.approx(image.sum() / 255, rel=0.3)
        assert 0.8 < glyphs.widths[number] < 5
    sides = glyphs.boxes[:, 2:] - glyphs.boxes[:, :2]
    np.testing.assert_allclose(sides.max(1), BOX, atol=1.6)


def test_marks_have_kinds_and_points_are_on_the_baseline():
    marks = drawn_marks(80, seed=2)
    assert (marks.labels >= MARK).all()
    assert set(marks.labels) == {MARK + number for number in range(len(KINDS))}
    points = np.isin(marks.labels, [MARK + KINDS.index(point) for point in ".,"])
    assert (marks.boxes[points, 1] > 0).all()  # the top is below the middle
    sides = (marks.boxes[:, 2:] - marks.boxes[:, :2]).max(1)
    assert sides[points].max() < sides[~points].max()


def test_drawn_glyphs_depend_only_on_the_seed(digits: Glyphs):
    again, other = drawn_digits(140, seed=1), drawn_digits(140, seed=2)
    np.testing.assert_array_equal(again.distances, digits.distances)
    assert (other.distances != digits.distances).any()


def test_joined_pool_survives_saving_and_loading(digits: Glyphs, tmp_path):
    both = Glyphs.join([digits, drawn_marks(24, seed=1)])
    assert len(both) == len(digits) + 24
    both.save(tmp_path / "pool.npz")
    read = Glyphs.load(tmp_path / "pool.npz")
    np.testing.assert_array_equal(read.distances, both.distances)
    np.testing.assert_array_equal(read.labels, both.labels)
