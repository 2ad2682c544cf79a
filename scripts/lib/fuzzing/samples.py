"""Intact small pictures in every format that the reader takes, and in an icon's, which it refuses."""

import importlib
import importlib.util
import io
import random
import struct
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
    "JP2": ("L", "LA", "RGB", "RGBA"),
    "J2K": ("L", "LA", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16", "F"),
    "TGA": ("L", "LA", "P", "RGB", "RGBA"),
    "PCX": ("1", "L", "P", "RGB"),
    "MPO": ("RGB",),
    "HEIC": ("L", "RGB", "RGBA"),
    "ICO": ("RGBA",),
}
WRITERS = {"JP2": "JPEG2000", "J2K": "JPEG2000", "HEIC": "HEIF"}
"""What Pillow calls the format, if it is not what it is called here."""

OPTIONS = {  # of Pillow's writer, by format
    "PNG": ({}, {"optimize": True}, {"bits": 4}, {"append": True}),
    "JPEG": ({}, {"progressive": True}, {"subsampling": 0}, {"exif": True}),
    "GIF": ({}, {"append": True}, {"interlace": 0}),
    "TIFF": ({}, *({"compression": kind} for kind in ("tiff_lzw", "packbits", "tiff_adobe_deflate"))),
    "J2K": ({"no_jp2": True},),
    "WEBP": ({}, {"lossless": True}, {"append": True}),
    "TGA": ({}, {"compression": "tga_rle"}),
    "MPO": ({"append": True},),
}
FURTHER = (("TIFF", "1", {"compression": "group4"}), ("TIFF", "RGB", {"compression": "jpeg"}))
_RLE8 = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 86, 0, 62, 40, 8, 3, 1, 8, 1, 24, 0, 0, 2, 2)
_RLE8 += b"\0\0\0\0\xff\xff\xff\0" + b"\x08\0\0\0" + b"\0\x08\0\1\1\0\0\1\1\0\0\0" + b"\x08\1\0\1"
HANDMADE = {"BMP": (_RLE8,), "PPM": (b"P2 4 2 9 0 1 2 3 4 5 6 7", b"P6 4 4 254\n" + bytes(range(48)))}
"""Files that Pillow reads and does not write: a compressed one, one in words, one of an odd depth."""


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


def samples(chance: random.Random) -> dict[str, list[bytes]]:
    """Return by format an intact file of each mode and set of options; HEIC only with pillow-heif."""
    kinds = [*MODES]
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
    else:
        kinds.remove("HEIC")
    variants = [(kind, mode, options) for kind in kinds for mode in MODES[kind] for options in _options(kind)]
    files: dict[str, list[bytes]] = {kind: [] for kind in kinds}
    for variant in (*variants, *FURTHER):
        files[variant[0]].append(encoded(chance, *variant))
    for kind, handmade in HANDMADE.items():
        files[kind] += handmade
    return files


def _options(kind: str) -> tuple[dict[str, Any], ...]:
    return OPTIONS.get(kind, ({},))


def encoded(chance: random.Random, kind: str, mode: str, options: dict[str, Any]) -> bytes:
    """Return a drawing as a file of a format that Pillow writes."""
    image, file, options = drawing(chance, mode), io.BytesIO(), dict(options)
    if options.pop("append", False):
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    if options.pop("exif", False):
        options["exif"] = exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = chance.randint(1, 8)
    image.save(file, WRITERS.get(kind, kind), **options)
    return file.getvalue()
