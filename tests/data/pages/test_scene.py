from dataclasses import fields, replace

import numpy as np
import pytest

from digitrec.data.pages.canvas import Canvas
from digitrec.data.pages.layouts import Shares
from digitrec.data.pages.scene import Extras, Renderer, Scene

KINDS = [field.name for field in fields(Shares)]
NOTHING = Extras(**{field.name: 0.0 for field in fields(Extras)})


def same(one: Scene, other: Scene) -> bool:
    planes = ("picture", "foreground", "instances", "ignored")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in planes)


def plain(renderer: Renderer, **extras: float) -> Renderer:
    return replace(renderer, extras=replace(NOTHING, **extras))


def test_scene_depends_only_on_its_key(renderer):
    one, again = (renderer.scene(64, 80, 1, 7, 0, 3) for _ in range(2))
    assert same(one, again)
    assert one.items == again.items
    others = [
        renderer.scene(64, 80, *key) for key in ((2, 7, 0, 3), (1, 8, 0, 3), (1, 7, 1, 3), (1, 7, 0, 4))
    ]
    assert not any(same(one, other) for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_targets_agree_with_the_page_and_with_each_other(renderer, kind):
    contrasts = []
    for number in range(12):
        scene = renderer.scene(96, 112, 3, number, kind=kind)
        assert scene.kind == kind
        assert scene.picture.shape == scene.foreground.shape == scene.instances.shape == (96, 112)
        assert scene.picture.dtype == np.uint8
        assert scene.instances.max() <= len(scene.items)
        assert (scene.instances[scene.foreground > 0.2] > 0).all()
        for item in scene.items:
            assert item.box[0] <= item.x <= item.box[2]
            assert item.box[1] <= item.y <= item.box[3]
        inside, outside = scene.foreground > 0.8, scene.foreground == 0
        if inside.sum() > 20:
            picture = scene.picture.astype(float)
            contrasts.append(abs(picture[inside].mean() - picture[outside].mean()))
    if kind in ("single", "rows", "table", "scattered"):
        assert np.mean(contrasts) > 15
    else:
        assert kind in ("empty", "tiny", "huge")


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("single", 1, 1), ("rows", 2, 60), ("empty", 0, 0), ("tiny", 0, 0), ("huge", 0, 0)],
)
def test_scene_kinds_have_the_documented_content(renderer, kind, least, most):
    counts = [len(plain(renderer).scene(96, 96, 5, number, kind=kind).items) for number in range(15)]
    assert least <= np.median(counts) <= most
    assert max(counts) <= max(most, 1) or kind == "rows"


def test_background_scenes_are_not_blank(renderer):
    for kind in ("tiny", "huge"):
        spreads = [plain(renderer).scene(96, 96, 6, n, kind=kind).picture.std() for n in range(10)]
        assert max(spreads) > 10


def test_edge_scene_has_a_border_of_one_gray_level(renderer):
    scene = plain(renderer, edged=1.0).scene(64, 64, 1, 2, kind="single")
    frame = np.ones((64, 64), bool)
    frame[8:-8, 8:-8] = False
    assert len(np.unique(scene.picture[frame])) == 1
    assert not scene.foreground[frame].any()


def test_tight_crop_ends_at_the_digit(renderer):
    for number in range(8):
        scene = plain(renderer, tight=1.0).scene(96, 96, 2, number, kind="single")
        for item in scene.items:
            changed = scene.picture != np.bincount(scene.picture.ravel()).argmax()
            rows, columns = np.nonzero(changed)
            assert np.ptp(rows) <= 1.35 * (item.box[3] - item.box[1]) + 4
            assert np.ptp(columns) <= (item.box[2] - item.box[0]) + 0.35 * item.size + 4


def test_rotated_rows_are_vertical_or_upside_down(renderer):
    taller = 0
    for number in range(20):
        scene = plain(renderer, turned=1.0).scene(96, 96, 4, number, kind="rows")
        assert scene.picture.shape == (96, 96)
        for place, item in enumerate(scene.items, 1):
            rows, columns = np.nonzero(scene.instances == place)
            if len(rows) > 30:
                middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
                assert abs(middle[0] - item.x) < 0.4 * item.size
                assert abs(middle[1] - item.y) < 0.4 * item.size
        ys, xs = [item.y for item in scene.items], [item.x for item in scene.items]
        taller += len(scene.items) > 1 and np.ptp(ys) > np.ptp(xs)
    assert taller >= 3


@pytest.mark.parametrize(
    "extra", ["frames", "ruled_row", "border", "paper_rules", "text", "scribble", "specks", "blot"]
)
def test_extras_change_the_page_and_no_target_of_a_digit(renderer, extra, monkeypatch):
    monkeypatch.setattr(Canvas, "forget_invisible", lambda *_: None)
    changed = 0
    for number in range(10):
        bare = plain(renderer)._render(_dice(number), 96, 96, "rows")
        more = plain(renderer, **{extra: 1.0})._render(_dice(number), 96, 96, "rows")
        assert [item.box for item in more.items] == [item.box for item in bare.items]
        assert np.array_equal(more.foreground, bare.foreground)
        changed += not np.array_equal(more.picture, bare.picture)
    assert changed >= 8


def test_letters_of_a_word_are_marks(renderer):
    scenes = [plain(renderer, word=1.0)._render(_dice(n), 96, 96, "empty") for n in range(10)]
    items = [item for scene in scenes for item in scene.items]
    assert items
    assert not any(item.is_digit for item in items)


def _dice(number):
    from digitrec.data.pages.dice import Dice

    return Dice(11, number)
