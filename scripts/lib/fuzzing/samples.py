"""Intact small pictures in every format and mode that Pillow writes."""

import io
import random
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw

MODES = {  # by format
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "DIB": ("L", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"),
    "WEBP": ("L", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16", "F"),
    "TGA": ("L", "LA", "P", "RGB", "RGBA"),
    "PCX": ("1", "L", "P", "RGB"),
    "ICO": ("RGBA",),
    "MPO": ("RGB",),
}
OPTIONS = {  # of Pillow's writer, by format
    "PNG": ({}, {"optimize": True}, {"bits": 4}, {"append": True}),
    "JPEG": ({}, {"progressive": True}, {"subsampling": 0}, {"exif": True}),
    "GIF": ({}, {"append": True}, {"interlace": 0}),
    "TIFF": ({}, *({"compression": kind} for kind in ("tiff_lzw", "packbits", "tiff_adobe_deflate"))),
    "WEBP": ({}, {"lossless": True}, {"append": True}),
    "TGA": ({}, {"compression": "tga_rle"}),
    "MPO": ({"append": True},),
}
FURTHER = (("TIFF", "1", {"compression": "group4"}), ("TIFF", "RGB", {"compression": "jpeg"}))


def drawing(chance: random.Random, mode: str) -> Image.Image:
    """Draw a few pen strokes on a picture of 1 to 90 pixels a side."""
    size = (chance.randint(1, 90), chance.randint(1, 90))
    image = Image.new("RGBA", size, chance.choice(((255, 255, 255, 255), (0, 0, 0, 0), (30, 60, 20, 255))))
    points = [(chance.randrange(size[0]), chance.randrange(size[1])) for _ in range(6)]
    ImageDraw.Draw(image).line(points, fill=(200, 10, 10, 255), width=chance.randint(1, 6))
    if mode == "LAB":
        return Image.merge("LAB", image.convert("RGB").split())
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 16)
    return (
        image.convert("RGB").convert(mode)
        if mode in ("YCbCr", "CMYK", "I", "F", "1", "P")
        else image.convert(mode)
    )


def samples(chance: random.Random) -> list[bytes]:
    """Return an intact file of each format, mode and set of options."""
    variants = [
        (kind, mode, options)
        for kind in MODES
        for mode in MODES[kind]
        for options in OPTIONS.get(kind, ({},))
    ]
    return [encoded(chance, *variant) for variant in (*variants, *FURTHER)]


def encoded(chance: random.Random, kind: str, mode: str, options: dict[str, Any]) -> bytes:
    """Return a drawing as a file of a format that Pillow writes."""
    image, file, options = drawing(chance, mode), io.BytesIO(), dict(options)
    if options.pop("append", False):
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    if options.pop("exif", False):
        options["exif"] = exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = chance.randint(1, 8)
    image.save(file, kind, **options)
    return file.getvalue()
