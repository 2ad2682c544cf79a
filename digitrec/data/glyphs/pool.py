"""Glyphs as distance fields, so that a pen of any width writes them at any size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from digitrec.data.glyphs.skeletons import POINTS, RARE_DIGITS, SIGNS, all_digits
from digitrec.data.glyphs.thinning import thin
from digitrec.data.glyphs.tracing import trace
from digitrec.data.raster import blur, distance, resize, trace_line, without_specks
from digitrec.data.synthetic.skeletons import Skeleton, letter_skeletons
from digitrec.files import replacing
from digitrec.models.normalization import BOX, SIDE

SAMPLES = 3
"""Samples of a field for each unit; a unit is a pixel of MNIST."""

STEPS = 8
"""Steps of a stored distance for each unit."""

MARK = 10
"""The first label that is no digit: a sign, a decimal point or comma, a letter."""

KINDS = (*SIGNS, *POINTS, "letter")
"""What a label from MARK on means."""

VERSION = 4
"""Raise it when glyphs are made differently: pools that were made before are then made anew."""

_FINE = 2 * SAMPLES  # samples a unit while a field is made
_DRAWN_WIDTH = 2.4  # units, the nominal pen of glyphs drawn from skeletons


@dataclass(frozen=True)
class Glyphs:
    """A pool of glyphs. Lengths are in units: a digit's longest side is 20, as in MNIST.

    distances: int8 (n, 2, 84, 84), in eighths of a unit: the signed distance to the outline (negative
        inside), and the distance to the center line.
    widths: float32 (n,), the stroke width at which the outline was taken.
    boxes: float32 (n, 4), left, top, right and bottom of the outline from the frame's center.
    labels: int16 (n,), the digit, or MARK and above.
    """

    distances: NDArray[np.int8]
    widths: NDArray[np.float32]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.labels)

    @staticmethod
    def join(pools: Sequence["Glyphs"]) -> "Glyphs":
        """Several pools as one."""
        return Glyphs(
            *(np.concatenate([getattr(pool, field.name) for pool in pools]) for field in fields(Glyphs))
        )

    def save(self, path: Path) -> None:
        """Write the pool, replacing an earlier one as a whole."""
        with replacing(path) as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(Glyphs)})

    @classmethod
    def load(cls, path: Path) -> "Glyphs":
        """Read a pool that save wrote."""
        with np.load(path) as arrays:
            return cls(*(arrays[field.name] for field in fields(cls)))


def from_images(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Glyphs:
    """Take digits of MNIST, uint8 (n, 28, 28), as glyphs."""
    return _pool(
        _field(_strokes(image), None, int(label)) for image, label in zip(images, labels, strict=True)
    )


def drawn_digits(count: int, seed: int) -> Glyphs:
    """Draw digits from skeletons, each in a hand of its own.

    All styles come equally often, but those that MNIST hardly has come twice as often.
    """
    styles = [
        (skeleton, digit)
        for styles_of in (all_digits(), RARE_DIGITS)
        for digit, skeletons in styles_of.items()
        for skeleton in skeletons
    ]
    return _pool(_drawn(styles, count, seed, digit_sized=True))


def drawn_marks(count: int, seed: int) -> Glyphs:
    """Draw marks that are no digits: half signs, a quarter points and commas, a quarter letters."""
    signs = [(ways[0], MARK + KINDS.index(sign)) for sign, ways in SIGNS.items()]
    signs += [(way, MARK + KINDS.index(sign)) for sign, ways in SIGNS.items() for way in ways[1:]]
    points = [(way, MARK + KINDS.index(point)) for point, ways in POINTS.items() for way in ways]
    letters = [(letter, MARK + KINDS.index("letter")) for letter in letter_skeletons()]
    parts = (signs, count // 2), (points, count // 4), (letters, count // 4)
    return _pool(
        glyph
        for number, (styles, share) in enumerate(parts)
        for glyph in _drawn(styles, share, seed + number, digit_sized=False)
    )


_Glyph = tuple[NDArray[np.int8], float, tuple[float, float, float, float], int]


def _drawn(
    styles: Sequence[tuple[Skeleton, int]], count: int, seed: int, digit_sized: bool
) -> Iterator[_Glyph]:
    random = torch.Generator().manual_seed(seed)
    side = SIDE * _FINE
    for number, (skeleton, label) in enumerate(styles):
        share = (count + number) // len(styles)
        for strokes in trace(skeleton, share, random, digit_sized, BOX - _DRAWN_WIDTH):
            mask = np.zeros((side, side), np.uint8)
            for stroke in strokes:
                trace_line(mask, stroke * _FINE + side / 2)
            yield _field(mask > 0, _DRAWN_WIDTH, label)


def _strokes(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the foreground mask of a digit at _FINE samples a unit, its box in the middle."""
    pixels = image.astype(np.float32) * np.float32(1 / max(1, int(image.max())))
    large = blur(resize(pixels, (SIDE * _FINE, SIDE * _FINE), "cubic"), 0.38 * _FINE)
    mask = without_specks(large > 0.25 + 0.5 * blur(large, 3 * _FINE), share=0.06)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    shift = [round((len(mask) - 1) / 2 - (span[0] + span[-1]) / 2) for span in (rows, columns)]
    moved: NDArray[np.bool_] = np.roll(mask, shift, (0, 1))
    return moved


def _field(mask: NDArray[np.bool_], width: float | None, label: int) -> _Glyph:
    """Measure a glyph: its mask, or with a width its center line, at _FINE samples a unit."""
    center_line = thin(mask) if width is None else mask
    to_center = distance(~center_line) * np.float32(1 / _FINE)
    if width is None:
        inside, outside = distance(mask), distance(~mask)
        outline = np.where(mask, np.float32(0.5) - inside, outside - np.float32(0.5)) * np.float32(1 / _FINE)
        width = float(2 * np.median(inside[center_line])) / _FINE
    else:
        outline = to_center - np.float32(width / 2)
    size = SIDE * SAMPLES, SIDE * SAMPLES
    coarse = np.stack([resize(field, size, "area") for field in (outline, to_center)])
    rows, columns = np.flatnonzero((outline < 0).any(1)), np.flatnonzero((outline < 0).any(0))
    ends = (np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) - len(mask) / 2) / _FINE
    left, top, right, bottom = ends.tolist()
    distances = (coarse * STEPS).clip(-127, 127).round().astype(np.int8)
    return distances, width, (left, top, right, bottom), label


def _pool(glyphs: Iterator[_Glyph]) -> Glyphs:
    distances, widths, boxes, labels = zip(*glyphs, strict=True)
    return Glyphs(
        np.stack(distances),
        np.array(widths, np.float32),
        np.array(boxes, np.float32),
        np.array(labels, np.int16),
    )
