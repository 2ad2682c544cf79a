"""Scenes for the detector to learn from: a picture and what is on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from digitrec.data.pages import layouts
from digitrec.data.pages.canvas import Canvas, Written
from digitrec.data.pages.dice import Dice
from digitrec.data.pages.effects import camera, desk, light, paper
from digitrec.data.pages.layouts import Hand, Pool, Shares
from digitrec.data.pages.marks import clutter, printed, table
from digitrec.data.raster import Ink, Mask, Plane

EDGE = 8
"""Pixels of the edge's median that reading puts round a page, and so do some scenes."""


@dataclass
class Scene:
    """A picture, uint8 (height, width), and its targets: see Canvas."""

    picture: Ink
    foreground: Plane
    instances: Ink
    ignored: Mask
    items: list[Written]
    kind: str


@dataclass(frozen=True)
class Extras:
    """How often a scene has what; each is a probability."""

    frames: float = 0.22
    paper_rules: float = 0.28
    ruled_row: float = 0.4
    border: float = 0.12
    text: float = 0.18
    scribble: float = 0.1
    word: float = 0.12
    specks: float = 0.09
    blot: float = 0.08
    sheet: float = 0.3
    fingers: float = 0.06
    raised: float = 0.12
    edged: float = 0.6
    tight: float = 0.18
    turned: float = 0.12


@dataclass(frozen=True)
class Renderer:
    """Renders scenes; each is a pure function of its key.

    Args:
        pool: the glyphs.
        strips: printed text.
        shares: how often a scene is of each kind.
        extras: how often it has what.
    """

    pool: Pool
    strips: Sequence[Ink]
    shares: Shares = field(default_factory=Shares)
    extras: Extras = field(default_factory=Extras)

    def scene(self, height: int, width: int, *key: int, kind: str | None = None) -> Scene:
        """Render a scene.

        Args:
            height: in pixels, even.
            width: in pixels, even.
            key: decides everything, such as seed, step, rank and number.
            kind: one of the names of Shares; None draws it.
        """
        dice = Dice(*key)
        edge = EDGE if dice.chance(self.extras.edged) else 0
        names = [each.name for each in fields(Shares)]
        kind = kind or dice.pick(names, [getattr(self.shares, name) for name in names])
        turns = 1 + dice.below(3) if kind in ("rows", "table") and dice.chance(self.extras.turned) else 0
        sides = height - 2 * edge, width - 2 * edge
        scene = self._render(dice, *(sides[::-1] if turns % 2 else sides), kind)
        for _ in range(turns):
            scene = _turned(scene)
        if dice.chance(self.extras.tight) and scene.items:
            scene = _cut_tight(dice, scene, height, width)
            edge = 0
        return _with_edge(scene, edge) if edge else scene

    def _render(self, dice: Dice, height: int, width: int, kind: str) -> Scene:
        canvas = Canvas(height, width, dice.uniform(0, 0.6) if dice.chance(0.4) else 0.0)
        hand = Hand(dice, canvas, self.pool)
        page = printed.Print.on(canvas)
        self._write(hand, page, kind)
        self._print(hand, page, kind)
        paper.clear_of_writing(canvas, page.text)
        paper.clear_of_writing(canvas, page.pen)
        source = paper.choose_source(dice, min(height, width), hand.height)
        gray = paper.expose(dice, source, canvas, page)
        if source.kind == "photo":
            if page.lines.any() and dice.chance(self.extras.raised):
                gray = light.raise_lines(dice, gray, page.lines)
            if kind != "huge" and dice.chance(self.extras.sheet):
                gray = desk.lay(dice, gray, canvas, source.paper)
            if kind != "huge" and dice.chance(self.extras.fingers):
                gray = desk.hold(dice, gray, canvas)
            gray = light.shine(dice, gray, canvas)
        picture = camera.develop(dice, gray, source, hand.height, (width, height), bool(canvas.items))
        canvas.forget_invisible(picture)
        return Scene(picture, canvas.foreground, canvas.instances, canvas.ignored, canvas.items, kind)

    def _write(self, hand: Hand, page: printed.Print, kind: str) -> None:
        dice = hand.dice
        if kind == "single":
            layouts.single(hand)
        elif kind in ("rows", "tiny"):
            lines = layouts.rows(hand, tiny=kind == "tiny")
            if kind == "rows" and dice.chance(self.extras.ruled_row):
                printed.ruled_row(hand, page, lines)
        elif kind == "table":
            table.table(hand, page)
        elif kind == "scattered":
            layouts.scattered(hand)
        elif kind == "huge":
            layouts.huge(hand)
        else:
            hand.height = dice.log_uniform(12, 60)

    def _print(self, hand: Hand, page: printed.Print, kind: str) -> None:
        dice, often = hand.dice, self.extras
        if kind in ("single", "rows") and dice.chance(often.frames):
            printed.frames(hand, page)
        if kind != "huge" and dice.chance(often.border):
            printed.border(hand, page)
        if dice.chance(often.paper_rules * {"table": 0.2, "empty": 2.0}.get(kind, 1.0)):
            printed.paper_rules(hand, page)
        if dice.chance(often.text):
            printed.text(hand, page, list(self.strips))
        if dice.chance(often.scribble):
            clutter.scribble(hand, page)
        if kind not in ("huge", "tiny") and dice.chance(often.word):
            clutter.word(hand)
        if dice.chance(often.specks):
            clutter.specks(hand, page)
        if dice.chance(often.blot):
            clutter.blot(hand, page)


def _turned(scene: Scene) -> Scene:
    """Turn a scene by 90 degrees, counter-clockwise."""
    width = scene.picture.shape[1]
    items = [
        replace(i, x=i.y, y=width - i.x, box=(i.box[1], width - i.box[2], i.box[3], width - i.box[0]))
        for i in scene.items
    ]
    return Scene(
        np.ascontiguousarray(np.rot90(scene.picture)),
        np.ascontiguousarray(np.rot90(scene.foreground)),
        np.ascontiguousarray(np.rot90(scene.instances)),
        np.ascontiguousarray(np.rot90(scene.ignored)),
        items,
        scene.kind,
    )


def _moved(scene: Scene, right: int, down: int) -> list[Written]:
    """Return the items of a scene, so many pixels further right and down."""
    return [
        replace(
            i,
            x=i.x + right,
            y=i.y + down,
            box=(i.box[0] + right, i.box[1] + down, i.box[2] + right, i.box[3] + down),
        )
        for i in scene.items
    ]


def _with_edge(scene: Scene, edge: int) -> Scene:
    """Put the median of a picture's edge round it, as reading does."""
    height, width = (side + 2 * edge for side in scene.picture.shape)
    return _placed(scene, height, width, edge, edge)


def _placed(scene: Scene, height: int, width: int, top: int, left: int) -> Scene:
    """Put a scene somewhere into a larger one of the tone of its edge."""
    picture = scene.picture
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    below, right = height - top - picture.shape[0], width - left - picture.shape[1]
    around = (top, below), (left, right)
    return Scene(
        np.pad(picture, around, constant_values=int(np.median(border))),
        np.pad(scene.foreground, around),
        np.pad(scene.instances, around),
        np.pad(scene.ignored, around),
        _moved(scene, left, top),
        scene.kind,
    )


def _cut_tight(dice: Dice, scene: Scene, height: int, width: int) -> Scene:
    """Cut a scene close round its writing, and put the tone of the cut's edge round it."""
    boxes = np.array([item.box for item in scene.items])
    size = max(item.size for item in scene.items)
    margin = [
        dice.uniform(-0.06, 0.15) * size if dice.chance(0.5) else dice.uniform(0, 0.03) * size
        for _ in range(4)
    ]
    left, top = boxes[:, :2].min(0)
    right, bottom = boxes[:, 2:].max(0)
    rows = _span(top - margin[0], bottom + margin[1], scene.picture.shape[0])
    columns = _span(left - margin[2], right + margin[3], scene.picture.shape[1])
    cut = np.s_[rows[0] : rows[1], columns[0] : columns[1]]
    smaller = Scene(
        scene.picture[cut],
        scene.foreground[cut],
        scene.instances[cut],
        scene.ignored[cut],
        _moved(scene, -columns[0], -rows[0]),
        scene.kind,
    )
    free_y, free_x = height - (rows[1] - rows[0]), width - (columns[1] - columns[0])
    return _placed(smaller, height, width, dice.below(free_y + 1), dice.below(free_x + 1))


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    start = min(max(0, round(low)), length - 4)
    return start, max(start + 4, min(length, round(high)))
