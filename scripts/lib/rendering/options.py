"""Options: what a rendered page looks like."""

from dataclasses import dataclass
from typing import Literal

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""


@dataclass(frozen=True)
class Options:
    """Appearance of a page.

    Lengths without a unit are in digit heights, angles in degrees, colors RGB from 0 to 255.
    """

    height: float = 120
    """Longest side of a digit, between the center lines of its outer strokes, in pixels; 20 to 600."""
    pen: float = 0.08
    """Stroke width: 0.015 is a hairline, 0.2 a thick brush."""
    slant: float = 0
    """Slant of the digits to the right."""
    rotation: float = 0
    """Clockwise rotation of each digit."""
    tilt: float = 0
    """Clockwise rotation of the whole page."""
    unevenness: float = 0
    """Spread of sizes, rotations, distances and positions: 0 is typeset, 0.1 a hurried hand."""
    gap: float = 0.3
    """Free space between neighbors in a line."""
    lines: int = 1
    """Number of lines, over which the digits are spread evenly."""
    leading: float = 1.6
    """Distance from one line to the next."""
    margins: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)
    """Free space left of, above, right of and below the digits; it determines the size of the picture."""
    ink: Color = (30, 30, 35)
    paper: Color = (255, 255, 255)
    grain: float = 0
    """Share of the ink that is missing because the paper is rough, 0 to 1: pencil 0.4, chalk 0.6."""
    rulings: Literal["none", "lined", "squared"] = "none"
    pitch: float = 1.5
    """Distance from one ruling to the next."""
    offset: tuple[float, float] = (0, 0)
    """Distance of a ruling to the right of and below the start of the first baseline, in pitches."""
    ruling_width: float = 1
    """Width of a ruling, and of a printed box's outline, in pixels."""
    ruling_color: Color = (150, 175, 205)
    boxes: float = 0
    """Free space between a digit and the printed box around it; 0 prints no box."""
    box_color: Color = (90, 90, 90)
    table: Color | None = None
    """Color of the table around the sheet; None if the sheet fills the picture."""
    gradient: float = 0
    """Share of the light that is lost from one side of the picture to the other, in a random direction."""
    vignette: float = 0
    """Share of the light that is lost in the corners."""
    shadow: float = 0
    """Share of the light that is lost in a shadow on a part of the page."""
    softness: float = 3
    """Width of the edge of the shadow, in pixels."""
    blur: float = 0
    """Radius of the box blur of the lens, in pixels."""
    noise: float = 0
    """Standard deviation of the sensor noise, in gray levels of 255."""
    jpeg: int | None = None
    """Quality of JPEG compression; None does not compress."""
    transparent: bool = False
    """Ink on a transparent background: RGB is the color of the ink everywhere, alpha holds the digits."""
