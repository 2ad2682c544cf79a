"""Read damaged picture files, thousands of them: each must be read or refused with a sentence, and soon.

python -m scripts.fuzz --count 2000 --seed 1 --keep fuzz/   what went wrong is put into fuzz/; exit status 1

Small pictures of every format and mode that Pillow writes are damaged: bits, bytes, the header, the end,
pieces of another file, sizes beyond reason; half of the PNG files get right checksums again, to be read on.
"""

import argparse
import io
import json
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw

from digitrec.reading import loading as pictures
from digitrec.reading.segmentation import segment

SECONDS = 20.0  # that one file may take
MEGABYTES = 300  # that reading all of them may add to the process

MODES = {
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
OPTIONS = {
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
    """A few strokes of a pen, of 1 to 90 pixels each way."""
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
    """A sound file of each format, mode and way to write it that there is."""
    ways = [(kind, mode, way) for kind in MODES for mode in MODES[kind] for way in OPTIONS.get(kind, ({},))]
    return [written(chance, *way) for way in (*ways, *FURTHER)]


def written(chance: random.Random, kind: str, mode: str, way: dict[str, Any]) -> bytes:
    image, file, options = drawing(chance, mode), io.BytesIO(), dict(way)
    if options.pop("append", False):
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    if options.pop("exif", False):
        options["exif"] = exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = chance.randint(1, 8)
    image.save(file, kind, **options)
    return file.getvalue()


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
    """Put a size beyond reason where a number of two or four bytes stands in the header."""
    start, length = chance.randrange(min(len(file), 100)), chance.choice((2, 4))
    number = chance.choice((0, 9_999, 20_000, 65_535, 100_001, 2**31 - 1, 2**32 - 1)) % 256**length
    file[start : start + length] = number.to_bytes(length, chance.choice(("big", "little")))


def leave(chance: random.Random, file: bytearray, _: bytes) -> None:
    """Nothing: sound files must be read as well."""


WAYS = (flip_bits, damage_header, cut_off, cut_out, repeat, splice, overwrite, enlarge, leave)


def mutated(chance: random.Random, files: list[bytes]) -> bytes:
    file = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if file:
            chance.choice(WAYS)(chance, file, chance.choice(files))
    return with_checksums(bytes(file)) if chance.random() < 0.5 else bytes(file)


def with_checksums(file: bytes) -> bytes:
    """Right the checksums of a PNG file's chunks, as far as it is one."""
    if not file.startswith(b"\x89PNG\r\n\x1a\n"):
        return file
    righted, place = bytearray(file), 8
    while place + 12 <= len(file):
        end = place + 8 + int.from_bytes(file[place : place + 4], "big")
        righted[end : end + 4] = (
            zlib.crc32(file[place + 4 : end]).to_bytes(4, "big") if end + 4 <= len(file) else b""
        )
        place = end + 4
    return bytes(righted)


def read(path: Path) -> str:
    """Send one file down the road of all pictures: `read`, `refused`, or the traceback of what went wrong."""
    try:
        page = pictures.load(path)
        assert page.pixels.dtype == np.uint8
        assert page.pixels.ndim == 2
        assert 0 < page.pixels.size <= 4_000_000
        assert page.scale >= 1
        for crop in segment.find_digits(page.pixels):
            assert crop.image.shape == (28, 28)
    except pictures.PictureError as refusal:
        sentence = str(refusal)
        sound = (
            sentence.isprintable()
            and path.name in sentence
            and sentence.endswith(".")
            and len(sentence) < 500
        )
        return "refused" if sound else f"not a sentence: {sentence}"
    except Exception:
        return traceback.format_exc()
    return "read"


def peak() -> float:
    """MB that this process has held at most; 0 where the system is not Linux."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def work() -> None:
    """The worker: a path a line comes in; what came of it and the memory's growth go out."""
    warnings.simplefilter("error")
    Image.init()
    pictures.load(np.zeros((1, 1), np.uint8))
    level = peak()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([read(Path(line.rstrip("\n"))), peak() - level]), flush=True)


class Worker:
    """A process that reads files, so that neither a hang nor a crash ends the run."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "scripts.fuzz", "--work"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # its imports take long on a busy machine

    def ask(self, path: Path) -> tuple[str, float]:
        """What came of a file, and by how many MB the process has grown at most so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(path, file=self.process.stdin, flush=True)
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        if not ready:
            return f"hang: more than {SECONDS:.0f} s", 0.0
        answer = self.process.stdout.readline()
        if not answer:
            return f"crash: exit status {self.process.wait()}", 0.0
        outcome, megabytes = json.loads(answer)
        return outcome, megabytes

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def fuzz(count: int, seed: int, keep: Path | None) -> int:
    """Read so many damaged files, print what came of them, and keep the offenders; the exit status."""
    chance = random.Random(seed)
    files = samples(chance)
    outcomes: Counter[str] = Counter()
    worker, most, slowest = Worker(), 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / f"{seed}-{number}.png"
            path.write_bytes(mutated(chance, files))
            start = time.perf_counter()
            outcome, megabytes = worker.ask(path)
            slowest = max(slowest, time.perf_counter() - start)
            if megabytes > MEGABYTES:
                outcome = f"memory: {megabytes:.0f} MB"
            most = max(most, megabytes)
            if outcome not in ("read", "refused"):
                print(f"{path.name}: {outcome}")
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, keep)
                worker.stop()
                worker = Worker()
            outcomes[outcome.split(maxsplit=1)[0].rstrip(":")] += 1
            path.unlink()
    worker.stop()
    print(
        f"{count} files out of {len(files)} sound ones, seed {seed}: "
        + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
        + f"; memory at most {most:.0f} MB above the start, slowest {slowest:.1f} s"
    )
    return int(not set(outcomes) <= {"read", "refused"})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the files that were neither read nor refused")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work()
    else:
        sys.exit(fuzz(arguments.count, arguments.seed, arguments.keep))


if __name__ == "__main__":
    main()
