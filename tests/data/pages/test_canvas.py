import numpy as np
import pytest

from digitrec.data.glyphs import MARK
from digitrec.data.pages.canvas import PEN, Canvas, Pose
from digitrec.data.pages.dice import Dice
from digitrec.data.raster import disk, line, polygon
from digitrec.models.normalization import BOX


def written(pool, index, pose, side=64):
    canvas = Canvas(side, side)
    canvas.write(pool.glyphs, index, pose, Dice(1))
    return canvas


def test_digit_is_at_the_position_of_its_pose(pool):
    canvas = written(pool, 5, Pose(30, 34, 1.5, pen=3))
    (item,) = canvas.items
    assert item.is_digit
    assert item.size == BOX * 1.5
    assert (item.x, item.y) == pytest.approx((30, 34), abs=0.7)
    rows, columns = np.nonzero(canvas.foreground > 0.5)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(box, item.box, atol=1.5)


def test_foreground_has_the_pen_width_of_mnist_for_any_pen(pool):
    thin, wide, normal = (written(pool, 5, Pose(32, 32, 2, pen)) for pen in (0.6, 6.0, 3.0))
    assert thin.written.sum() < normal.written.sum() / 2
    assert wide.written.sum() > 1.4 * normal.written.sum()
    assert thin.foreground.sum() > 1.5 * thin.written.sum()
    assert wide.foreground.sum() < wide.written.sum()
    np.testing.assert_array_equal(normal.foreground, normal.written)
    widest = written(pool, 5, Pose(32, 32, 2, PEN[1]))
    np.testing.assert_array_equal(wide.foreground, widest.foreground)


def test_rotation_is_clockwise_and_shear_leans_right(pool):
    one = next(int(index) for index in pool.of_digit[1] if pool.width(int(index)) < 6)
    plain, turned = (written(pool, one, Pose(32, 32, 2, 2.5, rotation=angle)) for angle in (0, np.pi / 2))
    rotated = np.rot90(plain.foreground, -1)
    assert np.abs(turned.foreground - rotated).mean() < 0.02
    leaning = written(pool, one, Pose(32, 32, 2, 2.5, shear=0.4))
    top = (leaning.foreground[:28].sum(0) @ np.arange(64)) / leaning.foreground[:28].sum()
    foot = (leaning.foreground[36:].sum(0) @ np.arange(64)) / leaning.foreground[36:].sum()
    assert top > foot + 4


def test_pixels_of_touching_digits_belong_to_one_of_them(pool):
    canvas = Canvas(48, 64)
    canvas.write(pool.glyphs, 5, Pose(24, 24, 1.5, 3), Dice(1))
    canvas.write(pool.glyphs, 40, Pose(38, 24, 1.5, 3), Dice(1))
    assert set(np.unique(canvas.instances)) == {0, 1, 2}
    assert (canvas.instances[canvas.foreground > 0.2] > 0).all()
    assert canvas.bounds() == (
        min(i.box[0] for i in canvas.items),
        min(i.box[1] for i in canvas.items),
        max(i.box[2] for i in canvas.items),
        max(i.box[3] for i in canvas.items),
    )


def test_digit_cut_by_the_edge_is_ignored_only_if_much_is_missing(pool):
    little, much, gone = (written(pool, 5, Pose(32, y, 1.5, 3)) for y in (57, 66, 200))
    assert len(little.items) == 1
    assert not little.ignored.any()
    assert not much.items
    assert much.ignored.any()
    assert not gone.written.any()


def test_size_of_a_mark_is_at_least_a_third_of_the_line(pool):
    point = written(pool, int(pool.points[0]), Pose(32, 32, 2, 2))
    sign = written(pool, int(pool.signs[0]), Pose(32, 32, 2, 2))
    assert [canvas.items[0].label >= MARK for canvas in (point, sign)] == [True, True]
    assert 0.3 * BOX * 2 <= point.items[0].size < sign.items[0].size <= 1.3 * BOX * 2


def test_free_places_keep_the_minimum_distance(pool):
    canvas = written(pool, 5, Pose(16, 16, 1, 3))
    places = [canvas.free_place(Dice(2, number), 8) for number in range(20)]
    assert all(max(abs(x - 16), abs(y - 16)) > 8 + 12 for x, y in filter(None, places))
    assert any(places)
    assert canvas.free_place(Dice(3), 500) is None


def test_lines_have_their_width_and_thin_lines_are_pale():
    plane = Canvas(40, 40).plane()
    line(plane, [(-5, 20), (45, 20)], 4)
    assert plane[:, 20].sum() / 255 == pytest.approx(4, abs=0.6)
    pale = Canvas(40, 40).plane()
    line(pale, [(-5, 20.5), (45, 20.5)], 0.5)
    assert 100 < pale[:, 20].max() < 150


def test_disks_and_polygons_cover_their_area():
    plane = Canvas(40, 40).plane()
    disk(plane, (20, 20), 8)
    assert plane.sum() / 255 == pytest.approx(np.pi * 64, rel=0.15)
    square = Canvas(40, 40).plane()
    polygon(square, [(10, 10), (30, 10), (30, 30), (10, 30)])
    assert square.sum() / 255 == pytest.approx(400, rel=0.15)


def test_digit_without_contrast_is_ignored(pool):
    canvas = Canvas(48, 96)
    canvas.write(pool.glyphs, 5, Pose(24, 24, 1.5, 3), Dice(1))
    canvas.write(pool.glyphs, 40, Pose(68, 24, 1.5, 3), Dice(1))
    hidden, shown = canvas.items
    pixels = canvas.instances == 1
    picture = np.full((48, 96), 200, np.uint8)
    picture[canvas.instances == 2] = 120
    picture[pixels] = 198
    canvas.forget_invisible(picture)
    assert canvas.items == [shown]
    assert set(np.unique(canvas.instances)) == {0, 1}
    assert canvas.ignored[pixels].all()
    assert not canvas.foreground[pixels].any()
    assert (picture[canvas.instances == 1] == 120).all()
    assert hidden not in canvas.items
