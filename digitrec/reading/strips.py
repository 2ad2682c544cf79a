"""A large PNG a few rows at a time: Pillow would hold the whole of it, at 4 bytes for each coloured pixel."""

import io
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

Bytes = npt.NDArray[np.uint8]

_BLOCK = 1 << 16  # bytes read from the file at once

# Pillow's name for a layout of pixels in a PNG: bits per pixel, and the mode of the strips.
_LAYOUTS = {
    "1": (1, "1"),
    "L;2": (2, "L"),
    "L;4": (4, "L"),
    "L": (8, "L"),
    "I;16B": (16, "I;16"),
    "RGB": (24, "RGB"),
    "RGB;16B": (48, "RGB"),
    "P;1": (1, "P"),
    "P;2": (2, "P"),
    "P;4": (4, "P"),
    "P": (8, "P"),
    "LA": (16, "LA"),
    "LA;16B": (32, "LA"),
    "RGBA": (32, "RGBA"),
    "RGBA;16B": (64, "RGBA"),
}
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's number for so many 8-bit channels


def can_strip(image: Image.Image) -> bool:
    """Whether this is a PNG file, open but not loaded, with its rows from top to bottom."""
    return (
        isinstance(image, PngImagePlugin.PngImageFile) and bool(image.tile) and "interlace" not in image.info
    )


def strips(image: PngImagePlugin.PngImageFile, rows: int) -> Iterator[Image.Image]:
    """Decode an image that ``can_strip`` into images of so many rows from top to bottom, the last of fewer.

    They have its palette and transparency. Of 16 bits, grey keeps all and colours the upper 8, as in Pillow.

    Raises:
        OSError: the file ends too early, or a checksum in it is wrong.
        zlib.error: the compressed data are damaged.
    """
    assert image.fp is not None
    tile = image.tile[0]
    layout = str(tile.args)
    bits, mode = _LAYOUTS[layout]
    lanes = max(1, bits // 8)  # bytes that a filter looks back for the pixel before
    step = 2 if layout.endswith("16B") else 1
    stride = (image.width * bits + 7) // 8
    data = io.BufferedReader(_Inflated(_blocks(image.fp, tile.offset)))
    above = np.zeros((stride // lanes, lanes), np.uint8)
    for top in range(0, image.height, rows):
        height = min(rows, image.height - top)
        filtered = data.read(height * (1 + stride))
        if len(filtered) < height * (1 + stride):
            raise OSError("image file is truncated")
        lines = np.frombuffer(filtered, np.uint8).reshape(height, 1 + stride)
        pixels = np.empty((height, stride // lanes, lanes), np.uint8)
        # A filter treats each byte of a pixel by itself, so the upper bytes of 16 bits are a picture.
        for first in range(step if mode == "I;16" else 1):
            part = slice(first, None, step)
            deltas = lines[:, 1:].reshape(pixels.shape)[:, :, part]
            pixels[:, :, part] = _unfiltered(lines[:, 0], deltas, above[:, part])
        above = pixels[-1]
        kept = pixels if mode == "I;16" else pixels[:, :, ::step]
        raw = layout if bits < 8 or mode == "I;16" else mode
        strip = Image.frombytes(mode, (image.width, height), kept.tobytes(), "raw", raw)
        if image.palette is not None:
            strip.putpalette(image.palette)
        if "transparency" in image.info:
            strip.info["transparency"] = image.info["transparency"]
        yield strip


def _unfiltered(filters: Bytes, deltas: Bytes, above: Bytes) -> Bytes:
    """Undo PNG's filters, by Pillow: as a small PNG with the row above, which needs none, on top.

    Args:
        filters: (rows,) the filter's number.
        deltas: (rows, pixels, channels) what the filter left.
        above: (pixels, channels) the row before, already without filter.

    Returns:
        The shape of `deltas`.
    """
    rows, width, channels = deltas.shape
    lines = np.zeros((1 + rows, 1 + width * channels), np.uint8)
    lines[1:, 0] = filters
    lines[0, 1:] = above.reshape(-1)
    lines[1:, 1:] = deltas.reshape(rows, -1)
    png = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    png.seek(0, io.SEEK_END)
    size = width.to_bytes(4, "big") + (1 + rows).to_bytes(4, "big")
    PngImagePlugin.putchunk(png, b"IHDR", size, bytes([8, _COLOUR_TYPES[channels], 0, 0, 0]))
    PngImagePlugin.putchunk(png, b"IDAT", zlib.compress(lines.tobytes(), 0))
    PngImagePlugin.putchunk(png, b"IEND")
    with Image.open(png, formats=["PNG"]) as image:
        return np.asarray(image).reshape(1 + rows, width, channels)[1:]


class _Inflated(io.RawIOBase):
    """The uncompressed bytes of a zlib stream that comes in blocks, never more of them than asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""
        self._inflate = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._inflate.eof:
            data = self._inflate.decompress(self._rest, len(buffer))
            self._rest = self._inflate.unconsumed_tail
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._rest = self._rest or next(self._blocks, b"")
            if not self._rest:
                break
        return 0


def _blocks(file: IO[bytes], offset: int) -> Iterator[bytes]:
    """Yield what a PNG's IDAT chunks hold, the first of them at an offset; their checksums are compared."""
    file.seek(offset - 8)
    while True:
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if kind != b"IDAT":
            return
        checksum = zlib.crc32(kind)
        while length:
            block = file.read(min(length, _BLOCK))
            if not block:
                return
            length -= len(block)
            checksum = zlib.crc32(block, checksum)
            if length == 0 and file.read(4) != checksum.to_bytes(4, "big"):
                raise OSError("a checksum in the file is wrong")
            yield block
