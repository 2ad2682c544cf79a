"""Mutations that damage a file: bits, bytes, the header, the end, parts of another file, extreme sizes."""

import random
import zlib


def flip_bits(chance: random.Random, file: bytearray, _: bytes) -> None:
    for _flip in range(chance.randint(1, 20)):
        file[chance.randrange(len(file))] ^= 1 << chance.randrange(8)


def damage_header(chance: random.Random, file: bytearray, _: bytes) -> None:
    for _byte in range(chance.randint(1, 6)):
        file[chance.randrange(min(len(file), 120))] = chance.choice(
            (0, 1, 2, 127, 128, 255, chance.randrange(256))
        )


def cut_off(chance: random.Random, file: bytearray, _: bytes) -> None:
    del file[chance.randrange(len(file)) :]


def cut_out(chance: random.Random, file: bytearray, _: bytes) -> None:
    start = chance.randrange(len(file))
    del file[start : start + chance.randint(1, 40)]


def repeat(chance: random.Random, file: bytearray, _: bytes) -> None:
    start, length = chance.randrange(len(file)), chance.randint(1, 200)
    file[start:start] = file[start : start + length] * chance.randint(1, 50)


def splice(chance: random.Random, file: bytearray, other: bytes) -> None:
    file[chance.randrange(len(file)) :] = other[chance.randrange(len(other)) :]


def overwrite(chance: random.Random, file: bytearray, _: bytes) -> None:
    start = chance.randrange(len(file))
    file[start : start + 30] = chance.randbytes(chance.randint(1, 30))


def enlarge(chance: random.Random, file: bytearray, _: bytes) -> None:
    """Write an extreme number of two or four bytes into the header, where sizes are."""
    start, length = chance.randrange(min(len(file), 100)), chance.choice((2, 4))
    number = chance.choice((0, 9_999, 20_000, 65_535, 100_001, 2**31 - 1, 2**32 - 1)) % 256**length
    file[start : start + length] = number.to_bytes(length, chance.choice(("big", "little")))


def keep_intact(chance: random.Random, file: bytearray, _: bytes) -> None:
    """Change nothing: intact files must be read as well."""


MUTATIONS = (flip_bits, damage_header, cut_off, cut_out, repeat, splice, overwrite, enlarge, keep_intact)


def mutated(chance: random.Random, files: list[bytes], others: list[bytes]) -> bytes:
    """Return one of the files after one to three mutations, which may take parts of the others."""
    file = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if file:
            chance.choice(MUTATIONS)(chance, file, chance.choice(others))
    return with_checksums(bytes(file)) if chance.random() < 0.5 else bytes(file)


def with_checksums(file: bytes) -> bytes:
    """Correct the checksums of the chunks of a PNG file; other files are returned as they are."""
    if not file.startswith(b"\x89PNG\r\n\x1a\n"):
        return file
    corrected, place = bytearray(file), 8
    while place + 12 <= len(file):
        end = place + 8 + int.from_bytes(file[place : place + 4], "big")
        corrected[end : end + 4] = (
            zlib.crc32(file[place + 4 : end]).to_bytes(4, "big") if end + 4 <= len(file) else b""
        )
        place = end + 4
    return bytes(corrected)
