"""Rendering: a page of handwritten digits as a picture, with the box of each digit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from scripts.lib.rendering.camera import photograph
from scripts.lib.rendering.layout import arrange
from scripts.lib.rendering.options import Options
from scripts.lib.rendering.sheet import lay_on_table, page_coordinates, print_sheet
from scripts.lib.strokes import Box, Strokes, draw, extent, rotation, trace

EMPTY_PAGE = (5.0, 3.0)
"""Width and height of a page without digits, in digit heights."""


@dataclass(frozen=True)
class Rendering:
    """A picture, RGB or RGBA, and the true digits on it in reading order."""

    picture: Image.Image
    boxes: list[Box]
    """x, y, width, height of each digit in pixels: its ink before the blur of the camera, without specks."""
    lines: list[int]
    """The line of each digit, from 0."""
    labels: list[int] = field(default_factory=list)
    """The true digits; empty if they are not known."""
    kind: str = ""
    """The kind of scene, as in ``scenes.Kind`` or ``new_kinds.KINDS``."""
    marks: list[Box] = field(default_factory=list)
    """Boxes of the written signs."""
    text: str = ""
    """The digits, and ``?`` for each sign; lines are separated by a space. Empty if it is not known."""

    def labeled(self, chars: Sequence[str]) -> "Rendering":
        """Return the rendering with its glyphs known: a digit, or ``?`` for a sign; signs become marks."""
        glyphs = list(zip(chars, self.boxes, self.lines, strict=True))
        digits = [(int(char), box, line) for char, box, line in glyphs if char != "?"]
        lines = ("".join(char for char, _, at in glyphs if at == line) for line in dict.fromkeys(self.lines))
        return replace(
            self,
            boxes=[box for _, box, _ in digits],
            lines=[line for _, _, line in digits],
            labels=[label for label, _, _ in digits],
            marks=[box for char, box, _ in glyphs if char == "?"],
            text=" ".join(lines),
        )


@dataclass(frozen=True)
class Drawing:
    """What a hook may draw on.

    Attributes:
        picture: RGB; changed in place.
        page: as ``page_coordinates`` returns it.
        spans: (n, 2, 2), upper left and lower right corner of each glyph in these coordinates.
        boxes: of each glyph, in pixels of the picture.
        lines: the line of each glyph.
        options: appearance of the page.
        random: draws everything.
    """

    picture: Image.Image
    page: tuple[np.ndarray, np.ndarray]
    spans: np.ndarray
    boxes: list[Box]
    lines: list[int]
    options: Options
    random: np.random.Generator


Hook = Callable[[Drawing], None]
"""Draws something more on a page."""


def render(digits: np.ndarray, options: Options, seed: int | np.random.Generator) -> Rendering:
    """Render digits line by line on a page.

    Each digit is traced and drawn again with a pen, so that it is crisp at any size. What is printed on the
    paper, the light, the camera and JPEG compression follow.

    Args:
        digits: uint8 (n, 28, 28), bright on black; n may be 0.
        options: appearance of the page.
        seed: of everything random on the page, or the generator to draw from.

    Raises:
        ValueError: a digit is all black.
    """
    return compose([trace(digit) for digit in digits], options, np.random.default_rng(seed))


def compose(
    glyphs: Sequence[Strokes],
    options: Options,
    random: np.random.Generator,
    lifts: Sequence[float] = (),
    under: Hook | None = None,
    over: Hook | None = None,
) -> Rendering:
    """Render strokes line by line on a page.

    Args:
        glyphs: in digit heights.
        options: appearance of the page.
        random: draws everything.
        lifts: see ``arrange``.
        under: draws what is printed on the paper, below the ink.
        over: draws what lies or falls on the page, before the camera.
    """
    written, frames, lines = arrange(glyphs, options, random, lifts)
    rotated = [
        replace(strokes, points=strokes.points @ rotation(options.tilt).T) for strokes in written + frames
    ]
    corners = [corner for strokes in rotated for corner in extent(strokes)]
    if not corners:
        corners = [np.zeros(2), options.height * np.array(EMPTY_PAGE)]
    origin, (width, height) = _frame(corners, options)
    rotated = [replace(strokes, points=strokes.points - origin) for strokes in rotated]
    ink, printed = np.zeros((2, height, width), np.uint8)
    boxes = [draw(strokes, ink, options.grain, random) for strokes in rotated[: len(written)]]
    for frame in rotated[len(written) :]:
        draw(frame, printed, 0, random)
    if options.transparent:
        picture = Image.new("RGB", (width, height), options.ink)
        picture.putalpha(Image.fromarray(ink))
        return Rendering(picture, boxes, lines)
    places = page_coordinates((height, width), origin, options.tilt)
    spans = np.array([extent(strokes) for strokes in written]).reshape(-1, 2, 2)

    def draw_by(hook: Hook | None, picture: Image.Image) -> None:
        if hook:
            hook(Drawing(picture, places, spans, boxes, lines, options, random))

    picture = print_sheet(places, printed, ink, options, lambda sheet: draw_by(under, sheet))
    if options.table is not None:
        picture = lay_on_table(picture, places, np.array(corners), options, random)
    draw_by(over, picture)
    return Rendering(photograph(picture, options, random), boxes, lines)


def _frame(corners: list[np.ndarray], options: Options) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the upper left corner of the picture, x and y, and its width and height in pixels."""
    margins = np.maximum(options.height * np.array(options.margins), 2)
    origin = np.min(corners, axis=0) - margins[:2]
    width, height = (int(side) for side in np.ceil(np.max(corners, axis=0) + margins[2:] - origin))
    return origin, (width, height)
