"""Conversion of colors, transparency and more than 8 bits to 8-bit gray that keeps the strokes visible."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class GrayPolicy:
    """The numbers that decide how transparency and colors become gray.

    opaque: alpha from which on a pixel is visible, unless all have less.
    short: a part whose outline is less than this share of its pixels is not made of strokes.
    apart: gray levels from the median of the outline beyond which a pixel differs from it.
    apart_short: the same for a part with a short outline.
    most_apart: an outline has one color if less than this share of it differs.
    least_written: share of the visible pixels that must differ.
    contrast_pixels: of the reduced picture on which the contrast of the channels is measured.
    around: radius of the surroundings of a pixel, as a share of the longer side.
    least_share: share of the pixels that have at most the measured contrast.
    enough: contrast from which on the luminance is taken.
    least_channel: contrast that a single channel must exceed to be taken.
    least_ratio: the same as a multiple of the luminance's contrast.
    """

    opaque: int = 128
    short: float = 0.05
    apart: int = 96
    apart_short: int = 40
    most_apart: float = 0.2
    least_written: float = 0.002
    contrast_pixels: int = 40_000
    around: float = 0.1
    least_share: float = 0.998
    enough: int = 48
    least_channel: int = 32
    least_ratio: float = 2.5


POLICY = GrayPolicy()


def plain(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to L, RGB or RGBA, or to F if a channel has more than 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return image.convert("F")
    if image.mode == "LAB":  # Pillow converts it with color profiles only
        return image.getchannel("L")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def to_gray(image: Image.Image) -> Bytes:
    """Convert an image to gray levels.

    Transparent parts get a background that contrasts with the visible ones. Gray is the luminance, or one of
    red, green and blue where strokes and background differ in color only.

    Args:
        image: in a mode that ``plain`` returns.

    Returns:
        uint8 (height, width), 0 black to 255 white.
    """
    if image.mode == "F":
        values = np.asarray(image)
        return scale(values, value_range(values))
    if image.mode == "RGBA":
        image = _over_background(image)
    return np.asarray(image if image.mode == "L" else _clearest_channel(image))


def value_range(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Guess which values stand for black and white.

    Without negative values black is 0. White is then 1 if no value is much larger, otherwise the largest
    number of as many bits as needed, 8 to 16: scanners store 10, 12 or 14 bits in 16. Other values are
    stretched from the lowest to the highest.

    Args:
        values: numbers of any kind, in any shape.

    Returns:
        The values of black and white.
    """
    parts = np.array_split(values, 1 + values.size // 2_000_000)  # so that a large array is not copied
    low = float(min(np.min(part, where=np.isfinite(part), initial=0) for part in parts))
    high = float(max(np.max(part, where=np.isfinite(part), initial=0) for part in parts))
    if low < 0 or high > 65535:
        return low, max(high, low + 1)
    if high <= 1.5:  # interpolation overshoots 1
        return 0.0, 1.0
    return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)


def scale(values: npt.NDArray[Any], limits: tuple[float, float]) -> Bytes:
    """Scale values linearly to 0 for black and 255 for white, and clip them; NaN is black.

    Args:
        values: numbers of any kind, in any shape.
        limits: the values of black and white.
    """
    if values.dtype == np.uint8 and limits == (0, 255):
        return values
    black, white = limits
    levels = (values.astype(np.float32) - np.float32(black)) * np.float32(255 / (white - black))
    rounded: Bytes = np.rint(np.clip(np.nan_to_num(levels), 0, 255)).astype(np.uint8)
    return rounded


def _over_background(image: Image.Image) -> Image.Image:
    """Paste an RGBA image onto a background of one color: its own if it has one, otherwise black or white.

    The image has a background of its own, such as paper that was cut out, if most of the outline of the
    visible part has one color and some of that part is much lighter or darker. If the outline is short for
    the area, which it is not for strokes, a small difference is enough.
    """
    color, mask = image.convert("RGB"), image.getchannel("A")
    alpha = np.asarray(mask)
    if not alpha.any():
        return Image.new("L", image.size, 255)
    if alpha.min() == 255:
        return color
    visible = alpha >= min(POLICY.opaque, int(alpha.max()))
    inner = visible.copy()
    inner[1:] &= visible[:-1]
    inner[:-1] &= visible[1:]
    inner[:, 1:] &= visible[:, :-1]
    inner[:, :-1] &= visible[:, 1:]
    outline = visible & ~inner
    if not outline.any():  # nothing is transparent, or everything is equally
        outline = visible
    light = np.asarray(color.convert("L"))
    level = int(np.median(light[outline]))
    short = outline.sum() < POLICY.short * visible.sum()
    differs = abs(light.astype(np.int16) - level) > (POLICY.apart_short if short else POLICY.apart)
    written = differs[visible].mean() > POLICY.least_written
    if differs[outline].mean() < POLICY.most_apart and written:
        background = tuple(int(value) for value in np.median(np.asarray(color)[outline], axis=0))
    else:
        background = (0, 0, 0) if np.average(light, weights=alpha) > 127.5 else (255, 255, 255)
    result = Image.new("RGB", image.size, background)
    result.paste(color, mask=mask)
    return result


def _clearest_channel(image: Image.Image) -> Image.Image:
    """Return the luminance of an RGB image, or the channel with much more contrast than the luminance."""
    red, green, blue = image.split()
    if not any(ImageChops.difference(red, other).getbbox() for other in (green, blue)):
        return red  # the image is gray: all channels are the luminance
    small = image.reduce(max(1, round((image.width * image.height / POLICY.contrast_pixels) ** 0.5)))
    around = small.filter(ImageFilter.BoxBlur(POLICY.around * max(small.size)))
    contrast = _contrast(small.convert("L"), around.convert("L"))
    contrasts = [_contrast(*pair) for pair in zip(small.split(), around.split(), strict=True)]
    if contrast < POLICY.enough and max(contrasts) > max(POLICY.least_channel, POLICY.least_ratio * contrast):
        return image.getchannel(contrasts.index(max(contrasts)))
    return image.convert("L")


def _contrast(image: Image.Image, around: Image.Image) -> int:
    """Return the difference of two L images that only the rest of ``least_share`` exceeds."""
    counts = np.cumsum(ImageChops.difference(image, around).histogram())
    return int(np.searchsorted(counts, POLICY.least_share * counts[-1]))
