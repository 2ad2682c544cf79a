"""Picture files that the tests of reading share, made in memory."""

import io
import re
import zlib

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from digitrec.errors import PictureError
from digitrec.reading.pictures.loading import load


def digit(size=(90, 120)):
    """A stroke, dark on light, that looks different from every side."""
    image = Image.new("L", size, 230)
    ImageDraw.Draw(image).line([(20, 15), (70, 40), (30, 100)], fill=30, width=9)
    return image


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width, height):
    """A PNG file with a header of this size and too few pixels."""
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    PngImagePlugin.putchunk(file, b"IHDR", size + bytes([8, 2, 0, 0, 0]))
    PngImagePlugin.putchunk(file, b"IDAT", zlib.compress(bytes(1000)))
    PngImagePlugin.putchunk(file, b"IEND")
    return file.getvalue()


def refusal(source, **arguments):
    """Return the message with which a picture is refused; check that it is one sentence."""
    with pytest.raises(PictureError) as error:
        load(source, **arguments)
    sentence = str(error.value)
    assert sentence.isprintable()
    assert re.search(r"[\w)]\.$", sentence)
    return sentence
