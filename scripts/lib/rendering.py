"""Handwritten digits on paper of our own making: pictures with known boxes, one seed, one picture.

A digit of MNIST is drawn anew with a pen of any width at any size, so that it is as crisp as ink; then come
what is printed on the paper, the light, the camera and the JPEG file. For tests and benchmarks; it knows
nothing of how the pictures will be read.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageChops, ImageFilter
from scipy import ndimage

from scripts.lib.strokes import Box, Strokes, draw, reach, rectangle, rotation, trace

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Options:
    """What a page looks like. Lengths are in heights of a digit where no unit is given, angles in degrees."""

    height: float = 120
    """Longest side of a digit between the middles of its outer strokes, in pixels; 20 to 600."""
    pen: float = 0.08
    """Width of the stroke; a hairline is 0.015, a thick brush 0.2."""
    slant: float = 0
    """How far the digits lean to the right."""
    rotation: float = 0
    """How far each digit is turned, clockwise."""
    tilt: float = 0
    """How far the whole page is turned, clockwise."""
    unevenness: float = 0
    """Spread of the digits' sizes, turns, distances and places; 0 is as if typeset, 0.1 a hurried hand."""
    gap: float = 0.3
    """Free room between neighbours of a line."""
    lines: int = 1
    """Lines over which the digits are spread, as evenly as it goes."""
    leading: float = 1.6
    """From one line to the next."""
    margins: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)
    """Free room left of, above, right of and below the writing: it sets the place, and the picture's size."""
    ink: Colour = (30, 30, 35)
    paper: Colour = (255, 255, 255)
    grain: float = 0
    """How much of the ink the roughness of the paper leaves out, 0 to 1: pencil 0.4, chalk 0.6."""
    rulings: Literal["none", "lined", "squared"] = "none"
    pitch: float = 1.5
    """From one ruling to the next."""
    offset: tuple[float, float] = (0, 0)
    """How far a ruling passes right of and below the beginning of the first baseline, in pitches."""
    ruling_width: float = 1
    """In pixels."""
    ruling_colour: Colour = (150, 175, 205)
    boxes: float = 0
    """Free room between a digit and a printed box round it; 0 is no box."""
    box_colour: Colour = (90, 90, 90)
    table: Colour | None = None
    """The table round the sheet; None where the sheet fills the picture."""
    gradient: float = 0
    """Share of the light that is lost from one side of the picture to the other, the side drawn at random."""
    vignette: float = 0
    """Share of the light that is lost in the corners."""
    shadow: float = 0
    """Share of the light that a shadow over part of the page takes away."""
    softness: float = 3
    """Width of the shadow's edge, in pixels."""
    blur: float = 0
    """How far the lens spreads a point to either side, in pixels."""
    noise: float = 0
    """Standard deviation of the sensor's noise, of 255."""
    jpeg: int | None = None
    """Quality of the JPEG file that the picture has been through; None is none."""
    transparent: bool = False
    """The ink alone on transparent ground: RGB is the ink's colour everywhere, the digits are in alpha."""


@dataclass(frozen=True)
class Rendering:
    """A picture, RGB or RGBA, with what is to be found on it, in reading order."""

    picture: Image.Image
    boxes: list[Box]
    """x, y, width, height of each digit in pixels: its ink before the camera's blur, but for specks."""
    lines: list[int]
    """The line of each digit, from 0."""
    labels: list[int] = field(default_factory=list)
    kind: str = ""


def render(digits: np.ndarray, options: Options, seed: int | np.random.Generator) -> Rendering:
    """Write the digits, uint8 (n, 28, 28) with white ink on black, line by line; n may be 0.

    ValueError where a digit has no ink.
    """
    random = np.random.default_rng(seed)
    written, frames, lines = _write([trace(digit) for digit in digits], options, random)
    turned = [
        replace(strokes, points=strokes.points @ rotation(options.tilt).T) for strokes in written + frames
    ]
    corners = [corner for strokes in turned for corner in reach(strokes)]
    if not corners:
        corners = [np.zeros(2), options.height * np.array([5.0, 3.0])]  # an empty page has room for some
    margins = np.maximum(options.height * np.array(options.margins), 2)
    origin = np.min(corners, axis=0) - margins[:2]
    width, height = (int(side) for side in np.ceil(np.max(corners, axis=0) + margins[2:] - origin))
    turned = [replace(strokes, points=strokes.points - origin) for strokes in turned]
    ink, printed = np.zeros((2, height, width), np.uint8)
    boxes = [draw(strokes, ink, options.grain, random) for strokes in turned[: len(written)]]
    for frame in turned[len(written) :]:
        draw(frame, printed, 0, random)
    if options.transparent:
        picture = Image.new("RGB", (width, height), options.ink)
        picture.putalpha(Image.fromarray(ink))
        return Rendering(picture, boxes, lines)
    page = _page((height, width), origin, options.tilt)
    picture = _sheet(page, printed, ink, options)
    if options.table is not None:
        picture = _lay(picture, page, np.array(corners), options, random)
    if options.gradient or options.vignette or options.shadow:
        light = Image.fromarray(_light((height, width), options, random))
        picture = ImageChops.multiply(picture, Image.merge("RGB", [light] * 3))
    return Rendering(_camera(picture, options, random), boxes, lines)


def _write(
    glyphs: Sequence[Strokes], options: Options, random: np.random.Generator
) -> tuple[list[Strokes], list[Strokes], list[int]]:
    """Set the digits line by line, in pixels from the first baseline: digits, printed boxes, line numbers."""
    shaped = [_shape(glyph, options, random) for glyph in glyphs]
    spans = np.array([np.subtract(*reach(strokes)[::-1]) for strokes in shaped]).reshape(-1, 2)
    written, frames, lines = [], [], []
    cell = (spans.max(axis=0) if len(spans) else 0) + 2 * options.boxes * options.height
    for line, members in enumerate(np.array_split(np.arange(len(shaped)), options.lines)):
        right = 0.0
        baseline = line * max(options.leading * options.height, options.boxes and 1.2 * cell[1])
        for member in members:
            stray = options.unevenness * options.height * random.uniform(-1, 1, 2)
            slack = (cell - spans[member]) / 2 if options.boxes else np.zeros(2)
            place = np.array([right, baseline - spans[member, 1]]) + slack * (1, -1)
            if options.boxes:
                frames.append(rectangle(right, baseline - cell[1], *cell, options.ruling_width))
                stray = stray.clip(-options.boxes * options.height, options.boxes * options.height)
                right += cell[0]
            else:
                stray[0] = abs(stray[0])  # neighbours keep their distance at least
                right += spans[member, 0] + stray[0]
            low, _ = reach(shaped[member])
            written.append(replace(shaped[member], points=shaped[member].points - low + place + stray))
            lines.append(line)
            right += options.gap * options.height
    return written, frames, lines


def _shape(glyph: Strokes, options: Options, random: np.random.Generator) -> Strokes:
    """A digit in pixels at its size, slanted and turned, drawn with the pen."""
    size = options.height * (1 + options.unevenness * random.uniform(-1, 1))
    angle = options.rotation + 60 * options.unevenness * random.uniform(-1, 1)
    slanted = np.array([[1, -math.tan(math.radians(options.slant))], [0, 1]])
    points = glyph.points @ (rotation(angle) @ slanted).T
    pen = options.pen / 2
    return Strokes(points * size, np.maximum(glyph.radii + pen, 0.85 * pen) * size, glyph.joints)


def _page(shape: tuple[int, int], origin: np.ndarray, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel is right of and below the beginning of the first baseline, along the page."""
    x = np.arange(shape[1], dtype=np.float32)[None] + np.float32(origin[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(origin[1])
    (cos, minus_sin), (sin, _) = rotation(tilt).astype(np.float32)
    return cos * x + sin * y, minus_sin * x + cos * y


def _sheet(
    page: tuple[np.ndarray, np.ndarray], printed: np.ndarray, ink: np.ndarray, options: Options
) -> Image.Image:
    """The paper with rulings, printed boxes and ink, of which the last two come as coverage."""
    sheet = Image.new("RGB", ink.shape[::-1], options.paper)
    if options.rulings != "none":
        sheet.paste(options.ruling_colour, mask=Image.fromarray(_rulings(page, options)))
    if options.boxes:
        sheet.paste(options.box_colour, mask=Image.fromarray(printed))
    sheet.paste(options.ink, mask=Image.fromarray(ink))
    return sheet


def _rulings(page: tuple[np.ndarray, np.ndarray], options: Options) -> np.ndarray:
    """Coverage of the printed lines, uint8."""
    pitch, half = options.pitch * options.height, options.ruling_width / 2
    coverage = np.zeros(page[0].shape, np.uint8)
    axes = list(zip(page, options.offset, strict=True))
    for along, offset in axes[1:] if options.rulings == "lined" else axes:
        # Looked up at every eighth of a pixel: a remainder for each pixel would take half the time of a page.
        start = along.min() - 1
        places = start + np.arange(8 * math.ceil(np.ptp(along) + 2), dtype=np.float32) / 8
        distance = np.abs((places - pitch * (offset - 0.5)) % pitch - pitch / 2)
        profile = (255 * (half + 0.5 - distance).clip(0, min(1, 2 * half))).astype(np.uint8)
        np.maximum(coverage, profile.take((8 * (along - start)).astype(np.int32)), out=coverage)
    return coverage


def _lay(
    sheet: Image.Image,
    page: tuple[np.ndarray, np.ndarray],
    corners: np.ndarray,
    options: Options,
    random: np.random.Generator,
) -> Image.Image:
    """Lay the sheet on the table: some of its edges are in the margins."""
    along = corners @ rotation(options.tilt)
    free = options.height * np.array(options.margins).reshape(2, 2) * random.uniform(0.35, 1.3, (2, 2))
    low, high = along.min(axis=0) - free[0], along.max(axis=0) + free[1]
    inside = np.full(page[0].shape, 255, np.float32)
    for place, start, end in zip(page, low, high, strict=True):
        inside *= (place - np.float32(start)).clip(0, 1) * (np.float32(end) - place).clip(0, 1)
    streaks = ndimage.gaussian_filter1d(random.normal(1, 0.3, (sheet.height, 1, 1)), 3, axis=0)
    wood = np.broadcast_to((streaks * options.table).clip(0, 255), (sheet.height, sheet.width, 3))
    table = Image.fromarray(wood.astype(np.uint8))
    table.paste(sheet, mask=Image.fromarray(inside.astype(np.uint8)))
    return table


def _light(shape: tuple[int, int], options: Options, random: np.random.Generator) -> np.ndarray:
    """The share of the light that each pixel gets, uint8 of 255."""
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    angle, edge, corner = random.uniform(0, 2 * math.pi, 3)
    across, down = np.float32([math.cos(angle), math.sin(angle)]) / (
        abs(math.cos(angle)) + abs(math.sin(angle))
    )
    light = (1 - options.gradient / 2) - options.gradient / 2 * across * x - options.gradient / 2 * down * y
    light -= options.vignette / 2 * x**2 + options.vignette / 2 * y**2
    if options.shadow:
        dark = np.ones(shape, np.float32)
        for turned in (edge, edge + 1 + corner / 6):  # the corner of something that is held over the page
            offset = random.uniform(-0.6, 0.3) * min(shape) / 2
            inside = (
                math.cos(turned) * shape[1] / 2 * x + math.sin(turned) * shape[0] / 2 * y - offset
            ) / options.softness
            np.minimum(dark, inside, out=dark)
        light *= 1 - options.shadow * (dark + 0.5).clip(0, 1)
    return (255 * light.clip(0, 1)).astype(np.uint8)


def _camera(picture: Image.Image, options: Options, random: np.random.Generator) -> Image.Image:
    """Through lens, sensor and file."""
    if options.blur:
        picture = picture.filter(ImageFilter.BoxBlur(options.blur))
    if options.noise:
        noise = random.standard_normal((picture.height, picture.width), np.float32) * np.float32(
            options.noise
        )
        grey = Image.fromarray((noise + np.float32(128.5)).clip(0, 255).astype(np.uint8))
        picture = ImageChops.add(picture, Image.merge("RGB", [grey] * 3), 1, -128)
    if options.jpeg is not None:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=options.jpeg)
        picture = Image.open(file).convert("RGB")
    return picture
