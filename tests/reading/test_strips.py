"""PNG files in strips: the very pixels that Pillow reads at once."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from digitrec.reading import strips

WIDTH, HEIGHT = 53, 41
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types
LAYOUTS = [
    *((colour, depth) for colour in CHANNELS for depth in (8, 16) if (colour, depth) != (3, 16)),
    *((colour, depth) for colour in (0, 3) for depth in (1, 2, 4)),
]


def filtered(lines, back, random):
    """Lines of bytes under filters chosen at random, as the PNG specification has them."""
    above = np.zeros(lines.shape[1], int)
    out = []
    for line in lines.astype(int):
        left = np.concatenate([np.zeros(back, int), line[:-back]])
        corner = np.concatenate([np.zeros(back, int), above[:-back]])
        far = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
        paeth = np.where(
            (far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner)
        )
        kind = random.integers(5)
        guess = [np.zeros_like(line), left, above, (left + above) // 2, paeth][kind]
        out.append(bytes([kind]) + ((line - guess) % 256).astype(np.uint8).tobytes())
        above = line
    return b"".join(out)


def png(colour, depth, chunk=200):
    random = np.random.default_rng([colour, depth])
    bits = CHANNELS[colour] * depth
    lines = random.integers(0, 256, (HEIGHT, (WIDTH * bits + 7) // 8))
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    head = WIDTH.to_bytes(4, "big") + HEIGHT.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    PngImagePlugin.putchunk(file, b"IHDR", head)
    if colour == 3:
        PngImagePlugin.putchunk(file, b"PLTE", random.bytes(3 * 2**depth))
        PngImagePlugin.putchunk(file, b"tRNS", random.bytes(2**depth))
    data = zlib.compress(filtered(lines, max(1, bits // 8), random))
    for start in range(0, len(data), chunk):
        PngImagePlugin.putchunk(file, b"IDAT", data[start : start + chunk])
    PngImagePlugin.putchunk(file, b"IEND")
    return file.getvalue()


def read(content, rows):
    with Image.open(io.BytesIO(content)) as image:
        assert strips.can_strip(image)
        return list(strips.strips(image, rows))


def shown(image):
    return np.asarray(image.convert("RGBA" if image.mode in ("P", "LA") else image.mode))


@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
@pytest.mark.parametrize("rows", [1, 7, 41, 100])
def test_strips_are_what_pillow_reads(colour, depth, rows):
    content = png(colour, depth)
    parts = read(content, rows)
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(np.concatenate([shown(part) for part in parts]), shown(image))
    assert [part.height for part in parts[:-1]] == [rows] * (len(parts) - 1)


def test_a_file_that_ends_too_early_is_no_half_picture():
    content = png(2, 8)
    with pytest.raises(OSError, match="truncated"):
        read(content[: len(content) // 2], 7)


def test_a_wrong_checksum_is_an_error():
    content = bytearray(png(2, 8))
    content[600] ^= 1
    with pytest.raises((OSError, zlib.error)):
        read(bytes(content), 7)


def test_interlaced_files_are_left_to_pillow():
    content = bytearray(png(2, 8))
    content[28] = 1
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with Image.open(io.BytesIO(content)) as image:
        assert not strips.can_strip(image)
