"""Digits and other marks as distance fields, which a pen of any width can write at any size."""

from digitrec.data.glyphs.pool import (
    KINDS,
    MARK,
    SAMPLES,
    STEPS,
    VERSION,
    Glyphs,
    drawn_digits,
    drawn_marks,
    from_images,
)

__all__ = [
    "KINDS",
    "MARK",
    "SAMPLES",
    "STEPS",
    "VERSION",
    "Glyphs",
    "drawn_digits",
    "drawn_marks",
    "from_images",
]
