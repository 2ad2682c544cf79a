"""A picture in any colours, transparent or 16-bit, to 8-bit grey in which its ink can be seen."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Bytes = npt.NDArray[np.uint8]

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"


def plain(image: Image.Image) -> Image.Image:
    """Bring any mode to L, LA, RGB or RGBA, or to F where a channel has more than 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return image.convert("F")
    if image.mode == "LAB":
        return image.getchannel("L")
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        return image.convert("La" if image.mode == "La" else "RGBA").convert("LA" if grey else "RGBA")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def grey(image: Image.Image) -> Bytes:
    """Make (height, width) uint8 grey, 0 black to 255 white, of a picture in a mode that `plain` returns.

    Transparent parts get the ground on which the visible ones show. Grey is the luminance, or one of red, green and
    blue where the ink differs from its ground in colour only.
    """
    if image.mode == "F":
        return levels(np.asarray(image))
    if image.mode in ("LA", "RGBA"):
        image = _over_ground(image)
    return np.asarray(image if image.mode == "L" else _clearest_channel(image))


def levels(values: npt.NDArray[Any]) -> Bytes:
    """Scale numbers of any kind to 0..255 by the range they seem to be meant in; what is not finite is black.

    Integers are taken to have the fewest bits, 8 to 16, that hold the largest: scanners put 10, 12 or 14 bits into 16.
    Floats are taken to be in 0..1 or else in 0..255. All others are stretched from the smallest to the largest.
    """
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.round(values)).all())
    white = 1.0 if not whole or high <= 1 else float(2 ** max(8, int(high).bit_length()) - 1)
    if not whole and high > 1:
        white = 255.0
    if low < 0 or high > max(white, 65535.0):
        values, white = values - low, max(high - low, 1e-12)
    return np.clip(np.rint(values * (255 / white)), 0, 255).astype(np.uint8)


def _over_ground(image: Image.Image) -> Image.Image:
    """Lay a picture of mode LA or RGBA over one colour, its own ground if it has one; returns L or RGB.

    Its own ground is a colour that nearly all of the visible part's edge shares while much inside differs from it, as
    on a cut-out piece of paper. Otherwise what is visible is ink, and goes over black or white.
    """
    mode = "L" if image.mode == "LA" else "RGB"
    colour, alpha = image.convert(mode), np.asarray(image.getchannel("A"))
    if not alpha.any():
        return Image.new(mode, image.size, "white")
    visible = alpha >= min(128, int(alpha.max()))
    light = np.asarray(colour.convert("L")).astype(np.int16)
    eroded = np.asarray(Image.fromarray(visible.astype(np.uint8) * 255).filter(ImageFilter.MinFilter(3))) > 0
    edge = visible & ~eroded
    if not edge.any():  # no part is transparent, at most all is a little
        edge = visible
    pixels = np.asarray(colour)
    own = np.median(pixels[edge], axis=0)
    level = float(np.median(light[edge]))
    differs = abs(light - level) > 96
    if differs[edge].mean() < 0.2 and differs[visible].mean() > 0.002:
        ground = tuple(int(value) for value in np.atleast_1d(own))
    else:
        ground = (0 if np.average(light, weights=alpha) > 127.5 else 255,) * len(mode)
    under = Image.new(mode, image.size, ground if mode == "RGB" else ground[0])
    under.paste(colour, mask=image.getchannel("A"))
    return under


def _clearest_channel(image: Image.Image) -> Image.Image:
    """Choose the luminance of an RGB picture, or its best channel if the luminance shows next to nothing."""
    luminance = image.convert("L")
    small = image.reduce(max(1, round((image.width * image.height / 250_000) ** 0.5)))
    around = small.filter(ImageFilter.BoxBlur(max(small.size) / 10))
    differences = np.asarray(small).astype(np.float32) - np.asarray(around)
    contrasts = np.percentile(abs(differences), 99.8, axis=(0, 1))
    own = np.percentile(abs(differences @ _LUMINANCE), 99.8)
    if own < 48 and contrasts.max() > max(32, 2.5 * own):
        return image.getchannel(int(contrasts.argmax()))
    return luminance
