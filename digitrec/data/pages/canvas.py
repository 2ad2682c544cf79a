"""A scene under construction: coverage by pen and print, and what the detector has to say of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitrec.data.glyphs import MARK, SAMPLES, STEPS, Glyphs
from digitrec.data.pages.dice import Dice
from digitrec.data.raster import Ink, Plane, Point, look_up, resize
from digitrec.models.normalization import BOX

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

PEN = 1.5, 3.6
"""Units: the widths of a stroke that the foreground mask keeps. A thinner or thicker one is drawn with the
nearest of them. MNIST's thinnest pen is 2 units wide, but that fills the small loop of a 9."""

CONTRAST = 4.0
"""Gray levels: what differs less from what is around it is not asked for."""

THIN = 0.8
"""A pen that is thinner than this share of the writer's is drawn along the center line."""

FAR = 15 * STEPS
"""Stored distance of what is outside a glyph's field."""

VISIBLE = 0.72
"""Share of a glyph's box inside the scene from which on it must be found; one that is cut more is ignored."""


@dataclass(frozen=True)
class Written:
    """A digit or mark of a scene: center and size in pixels, label, box as left, top, right, bottom."""

    x: float
    y: float
    size: float
    label: int
    box: Box

    @property
    def is_digit(self) -> bool:
        """Whether it is a digit, and not another written mark."""
        return self.label < MARK


@dataclass(frozen=True)
class Pose:
    """How a glyph is written: where, how large (pixels a unit), how wide (units) and at what angles."""

    x: float
    y: float
    scale: float
    pen: float
    rotation: float = 0.0
    shear: float = 0.0
    aspect: float = 1.0
    solidity: float = 1.0

    def matrix(self) -> tuple[float, float, float, float]:
        """Return units to pixels: what x and y of a glyph add to x of the page, then to y."""
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        across, down = self.scale * self.aspect, self.scale
        return (
            cos * across,
            -(cos * self.shear + sin) * down,
            sin * across,
            (cos - sin * self.shear) * down,
        )

    def box(self, box: Sequence[float]) -> Box:
        """Return where a glyph's box, left, top, right and bottom in units, comes to lie, in pixels."""
        x_x, x_y, y_x, y_y = self.matrix()
        left, top, right, bottom = box
        across = [x_x * x + x_y * y for x in (left, right) for y in (top, bottom)]
        down = [y_x * x + y_y * y for x in (left, right) for y in (top, bottom)]
        return self.x + min(across), self.y + min(down), self.x + max(across), self.y + max(down)


class Canvas:
    """Coverage planes of a scene, float32 (height, width), 0 to 1, and its targets.

    written: what the pen covers, as it is seen.
    foreground: the same digits and marks at MNIST's pen width, which is the target.
    instances: uint8, the number of the digit or mark that a foreground pixel belongs to, from 1.
    ignored: bool, where nothing is asked of the detector.
    items: the digits and marks, in the order of their numbers.
    """

    def __init__(self, height: int, width: int, grain: float = 0.0) -> None:
        self.height, self.width = height, width
        self.grain = grain
        self.written = np.zeros((height, width), np.float32)
        self.foreground = np.zeros((height, width), np.float32)
        self.instances = np.zeros((height, width), np.uint8)
        self.ignored = np.zeros((height, width), bool)
        self.items: list[Written] = []

    def plane(self) -> Ink:
        """Return an empty plane of this size, for print."""
        return np.zeros((self.height, self.width), np.uint8)

    def write(self, glyphs: Glyphs, index: int, pose: Pose, dice: Dice, target: bool = True) -> None:
        """Write a glyph.

        Args:
            glyphs: the pool.
            index: which of it.
            pose: where and how.
            dice: for the grain of the pen.
            target: whether it must be found; else it is background.
        """
        box = pose.box(glyphs.boxes[index].tolist())
        nominal = float(glyphs.widths[index])
        reach = 2 + max(0.0, max(pose.pen, PEN[0]) - nominal) / 2 * pose.scale * max(1.0, pose.aspect)
        left, right = max(0, int(box[0] - reach)), min(self.width, int(box[2] + reach) + 1)
        top, bottom = max(0, int(box[1] - reach)), min(self.height, int(box[3] + reach) + 1)
        if right <= left or bottom <= top:
            return
        where = np.s_[top:bottom, left:right]
        pens = pose.pen, min(max(pose.pen, PEN[0]), PEN[1])
        seen, canonical = _coverages(glyphs, index, pose, (left, top, right, bottom), pens)
        if self.grain:
            size = right - left, bottom - top
            rough = resize(dice.noise((size[1] + 1) // 2, (size[0] + 1) // 2), size)
            seen = seen * np.clip(1 - self.grain * np.clip(rough + 0.3, 0, None), 0, 1)
        np.maximum(self.written[where], seen * np.float32(pose.solidity), out=self.written[where])
        if not target:
            return
        shown_x = min(box[2], self.width) - max(box[0], 0)
        shown_y = min(box[3], self.height) - max(box[1], 0)
        if min(shown_x, shown_y) <= 0 or shown_x * shown_y < VISIBLE * (box[2] - box[0]) * (box[3] - box[1]):
            self.ignored[where] |= canonical > 0.05
            return
        self._claim(where, canonical, int(glyphs.labels[index]), box, pose.scale)

    def _claim(
        self, where: tuple[slice, slice], canonical: Plane, label: int, box: Box, scale: float
    ) -> None:
        """Make what a glyph covers its own."""
        foreground, instances = self.foreground[where], self.instances[where]
        new = (canonical > foreground) & (canonical > 0.15)
        instances[new] = len(self.items) + 1
        np.maximum(foreground, canonical, out=foreground)
        size = BOX * scale
        if label >= MARK:  # a point is as large as it is, but not so small that its votes drown
            size = max(box[2] - box[0], box[3] - box[1], 0.3 * size)
        self.items.append(Written((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, size, label, box))

    def forget_invisible(self, picture: Ink) -> None:
        """Ask for nothing where a digit or mark does not differ from what is around it in the picture."""
        numbers, kept = np.zeros(len(self.items) + 1, np.uint8), []
        for number, item in enumerate(self.items, 1):
            where = self._window(item)
            mine, around = self.instances[where] == number, self.foreground[where] < 0.05
            inside = mine & (self.foreground[where] > 0.5)
            if inside.any() and around.any():
                gray = picture[where]
                if abs(float(gray[inside].mean()) - float(gray[around].mean())) < CONTRAST:
                    self.ignored[where] |= mine
                    self.foreground[where][mine] = 0
                    continue
            kept.append(item)
            numbers[number] = len(kept)
        self.items = kept
        self.instances = numbers[self.instances]

    def _window(self, item: Written) -> tuple[slice, slice]:
        left, top, right, bottom = (round(side) for side in item.box)
        return np.s_[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3]

    def bounds(self) -> Box | None:
        """Return the box around all digits and marks; None where there are none."""
        if not self.items:
            return None
        left, top, right, bottom = zip(*(item.box for item in self.items), strict=True)
        return min(left), min(top), max(right), max(bottom)

    def free_place(self, dice: Dice, radius: float) -> Point | None:
        """Find a place that no digit or mark is nearer to than the radius; None where none was met."""
        for _ in range(6):
            x, y = dice.uniform(0, self.width), dice.uniform(0, self.height)
            if all(max(abs(x - i.x), abs(y - i.y)) > radius + 0.6 * i.size for i in self.items):
                return x, y
        return None


def _coverages(
    glyphs: Glyphs, index: int, pose: Pose, window: tuple[int, int, int, int], pens: tuple[float, float]
) -> tuple[Plane, Plane]:
    """Return the coverage of a window by two pens.

    A pen as wide as the writer's, or wider, goes by the outline, a thinner one by the center line.
    """
    x_x, x_y, y_x, y_y = pose.matrix()
    factor = SAMPLES / (x_x * y_y - x_y * y_x)
    left, top, right, bottom = window
    away_x, away_y = left + 0.5 - pose.x, top + 0.5 - pose.y
    middle = (glyphs.distances.shape[2] - 1) / 2
    inverse = np.array(
        [
            [y_y * factor, -x_y * factor, (y_y * away_x - x_y * away_y) * factor + middle],
            [-y_x * factor, x_x * factor, (x_x * away_y - y_x * away_x) * factor + middle],
        ]
    )
    fields: dict[int, Plane] = {}
    covers: dict[float, Plane] = {}
    for pen in set(pens):
        thin = int(pen < THIN * float(glyphs.widths[index]))
        if thin not in fields:
            field = glyphs.distances[index, thin].astype(np.float32)
            fields[thin] = look_up(field, inverse, (right - left, bottom - top), outside=FAR)
        half = (pen if thin else pen - float(glyphs.widths[index])) / 2 * pose.scale
        cover = np.float32(half + 0.5) - fields[thin] * np.float32(pose.scale / STEPS)
        np.minimum(cover, np.float32(min(1.0, 2 * half) if thin else 1.0), out=cover)
        covers[pen] = np.maximum(cover, np.float32(0), out=cover)
    return covers[pens[0]], covers[pens[1]]
