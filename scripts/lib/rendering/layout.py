"""Layout: digits in lines, each at its size, slant and rotation, and the printed boxes around them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scripts.lib.rendering.options import Options
from scripts.lib.strokes import Strokes, extent, rectangle, rotation


def arrange(
    glyphs: Sequence[Strokes],
    options: Options,
    random: np.random.Generator,
    lifts: Sequence[float] = (),
) -> tuple[list[Strokes], list[Strokes], list[int]]:
    """Arrange digits in lines, in pixels from the start of the first baseline.

    Args:
        glyphs: in digit heights.
        options: appearance of the page.
        random: draws the unevenness.
        lifts: how far each glyph is above the baseline, in digit heights; empty: all stand on it.

    Returns:
        Strokes of the digits, strokes of the printed boxes, and the line of each digit from 0.
    """
    transformed = [_transform(glyph, options, random) for glyph in glyphs]
    spans = np.array([np.subtract(*extent(strokes)[::-1]) for strokes in transformed]).reshape(-1, 2)
    written, frames, lines = [], [], []
    cell = (spans.max(axis=0) if len(spans) else 0) + 2 * options.boxes * options.height
    for line, members in enumerate(np.array_split(np.arange(len(transformed)), options.lines)):
        right = 0.0
        baseline = line * max(options.leading * options.height, options.boxes and 1.2 * cell[1])
        for member in members:
            jitter = options.unevenness * options.height * random.uniform(-1, 1, 2)
            slack = (cell - spans[member]) / 2 if options.boxes else np.zeros(2)
            position = np.array([right, baseline - spans[member, 1]]) + slack * (1, -1)
            if lifts:
                position[1] -= lifts[member] * options.height
            if options.boxes:
                frames.append(rectangle(right, baseline - cell[1], *cell, options.ruling_width))
                jitter = jitter.clip(-options.boxes * options.height, options.boxes * options.height)
                right += cell[0]
            else:
                jitter[0] = abs(jitter[0])  # neighbors keep at least their distance
                right += spans[member, 0] + jitter[0]
            low, _ = extent(transformed[member])
            written.append(
                replace(transformed[member], points=transformed[member].points - low + position + jitter)
            )
            lines.append(line)
            right += options.gap * options.height
    return written, frames, lines


def _transform(glyph: Strokes, options: Options, random: np.random.Generator) -> Strokes:
    """Scale a digit to pixels, slant and rotate it, and widen its strokes to the pen."""
    size = options.height * (1 + options.unevenness * random.uniform(-1, 1))
    angle = options.rotation + 60 * options.unevenness * random.uniform(-1, 1)
    slanted = np.array([[1, -math.tan(math.radians(options.slant))], [0, 1]])
    points = glyph.points @ (rotation(angle) @ slanted).T
    pen = options.pen / 2
    return Strokes(points * size, np.maximum(glyph.radii + pen, 0.85 * pen) * size, glyph.joints)
