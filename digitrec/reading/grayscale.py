"""A picture in any colours, transparent or of many bits, to 8-bit grey in which its ink can be seen."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

Bytes = npt.NDArray[np.uint8]


def plain(image: Image.Image) -> Image.Image:
    """Bring an image of any mode to L, RGB or RGBA, or to F if a channel has more than 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return image.convert("F")
    if image.mode == "LAB":  # Pillow converts it through colour profiles only
        return image.getchannel("L")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def to_gray(image: Image.Image) -> Bytes:
    """Grey levels, (height, width) uint8, 0 black to 255 white, of an image in a mode that ``plain`` returns.

    Transparent parts get a ground on which the visible ones show. Grey is the luminance, or one of red, green
    and blue where ink and ground differ in their colour only.
    """
    if image.mode == "F":
        values = np.asarray(image)
        return scale(values, value_range(values))
    if image.mode == "RGBA":
        image = _over_background(image)
    return np.asarray(image if image.mode == "L" else _clearest_channel(image))


def value_range(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Guess which two numbers mean black and white, of any kind of numbers, in any shape.

    With nothing below 0, black is 0, and white is 1 if nothing is much larger, else the largest number of as
    many bits as are needed, 8 to 16: scanners put 10, 12 or 14 bits into 16. Other numbers are stretched.
    """
    parts = np.array_split(values, 1 + values.size // 2_000_000)  # not to double a large array
    low = float(min(np.min(part, where=np.isfinite(part), initial=0) for part in parts))
    high = float(max(np.max(part, where=np.isfinite(part), initial=0) for part in parts))
    if low < 0 or high > 65535:
        return low, max(high, low + 1)
    if high <= 1.5:  # interpolation overshoots 1
        return 0.0, 1.0
    return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)


def scale(values: npt.NDArray[Any], limits: tuple[float, float]) -> Bytes:
    """Scale numbers linearly so that black and white become 0 and 255, and clip them; NaN is black."""
    if values.dtype == np.uint8 and limits == (0, 255):
        return values
    black, white = limits
    levels = (values.astype(np.float32) - np.float32(black)) * np.float32(255 / (white - black))
    rounded: Bytes = np.rint(np.clip(np.nan_to_num(levels), 0, 255)).astype(np.uint8)
    return rounded


def _over_background(image: Image.Image) -> Image.Image:
    """Lay an RGBA image over one colour: its own ground if it has one, else black or white, to show it.

    It has a ground of its own, like paper that was cut out, if most of the outline of what is visible has one
    colour, and a part of it is far lighter or darker than that. Where the outline is short for the area, as
    it is not for ink, a part that is a little lighter or darker will do.
    """
    colour, mask = image.convert("RGB"), image.getchannel("A")
    alpha = np.asarray(mask)
    if not alpha.any():
        return Image.new("L", image.size, 255)
    if alpha.min() == 255:
        return colour
    visible = alpha >= min(128, int(alpha.max()))
    inner = visible.copy()
    inner[1:] &= visible[:-1]
    inner[:-1] &= visible[1:]
    inner[:, 1:] &= visible[:, :-1]
    inner[:, :-1] &= visible[:, 1:]
    outline = visible & ~inner
    if not outline.any():  # nothing is transparent, or all is by as much
        outline = visible
    light = np.asarray(colour.convert("L"))
    level = int(np.median(light[outline]))
    solid = outline.sum() < 0.05 * visible.sum()
    stands_out = abs(light.astype(np.int16) - level) > (40 if solid else 96)
    if stands_out[outline].mean() < 0.2 and stands_out[visible].mean() > 0.002:
        ground = tuple(int(value) for value in np.median(np.asarray(colour)[outline], axis=0))
    else:
        ground = (0, 0, 0) if np.average(light, weights=alpha) > 127.5 else (255, 255, 255)
    laid = Image.new("RGB", image.size, ground)
    laid.paste(colour, mask=mask)
    return laid


def _clearest_channel(image: Image.Image) -> Image.Image:
    """The luminance of an RGB image, or a channel of it that has much which the luminance hides."""
    small = image.reduce(max(1, round((image.width * image.height / 250_000) ** 0.5)))
    around = small.filter(ImageFilter.BoxBlur(max(small.size) / 10))
    contrast = _contrast(small.convert("L"), around.convert("L"))
    contrasts = [_contrast(*pair) for pair in zip(small.split(), around.split(), strict=True)]
    if contrast < 48 and max(contrasts) > max(32, 2.5 * contrast):
        return image.getchannel(contrasts.index(max(contrasts)))
    return image.convert("L")


def _contrast(image: Image.Image, around: Image.Image) -> int:
    """The difference that all but two in a thousand pixels of mode L stay below."""
    counts = np.cumsum(ImageChops.difference(image, around).histogram())
    return int(np.searchsorted(counts, 0.998 * counts[-1]))
