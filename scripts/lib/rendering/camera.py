"""Camera: uneven light, shadow, blur, sensor noise and JPEG compression."""

import io
import math

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from scripts.lib.rendering.options import Options


def photograph(picture: Image.Image, options: Options, random: np.random.Generator) -> Image.Image:
    """Return an RGB picture as a camera records it."""
    if options.gradient or options.vignette or options.shadow:
        light = Image.fromarray(_light((picture.height, picture.width), options, random))
        picture = ImageChops.multiply(picture, Image.merge("RGB", [light] * 3))
    return _record(picture, options, random)


def _light(shape: tuple[int, int], options: Options, random: np.random.Generator) -> np.ndarray:
    """Return the share of the light that each pixel gets, uint8 (height, width), 255 for all of it."""
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
        for direction in (edge, edge + 1 + corner / 6):  # the corner of an object over the page
            offset = random.uniform(-0.6, 0.3) * min(shape) / 2
            inside = (
                math.cos(direction) * shape[1] / 2 * x + math.sin(direction) * shape[0] / 2 * y - offset
            ) / options.softness
            np.minimum(dark, inside, out=dark)
        light *= 1 - options.shadow * (dark + 0.5).clip(0, 1)
    return (255 * light.clip(0, 1)).astype(np.uint8)


def _record(picture: Image.Image, options: Options, random: np.random.Generator) -> Image.Image:
    """Apply the blur of the lens, the noise of the sensor and JPEG compression."""
    if options.blur:
        picture = picture.filter(ImageFilter.BoxBlur(options.blur))
    if options.noise:
        noise = random.standard_normal((picture.height, picture.width), np.float32) * np.float32(
            options.noise
        )
        gray = Image.fromarray((noise + np.float32(128.5)).clip(0, 255).astype(np.uint8))
        picture = ImageChops.add(picture, Image.merge("RGB", [gray] * 3), 1, -128)
    if options.jpeg is not None:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=options.jpeg)
        picture = Image.open(file).convert("RGB")
    return picture
