"""Time of reading relative to decoding with Pillow: ``benchmark reading``."""

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from scripts.lib.mnist import mnist_test_set

PHOTO = (4000, 3000)
SMALL, SMALLEST, LARGEST = 1_000, 60, 200


def photograph(images: np.ndarray, size: tuple[int, int], seed: int) -> Image.Image:
    """Draw digits in a row on unevenly lit, noisy paper.

    Args:
        images: uint8 (n, 28, 28), white on black.
        size: width and height of the picture in pixels; each digit gets a square of width / n, or the height.
        seed: of the noise.

    Returns:
        A gray picture, dark on light.
    """
    width, height = size
    side = min(width // len(images), height)
    ink = Image.new("L", size)
    for number, image in enumerate(images):
        digit = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        ink.paste(digit, (number * width // len(images), (height - side) // 2))
    light = 210 + 30 * np.linspace(-1, 1, width, dtype=np.float32)[None] * np.ones((height, 1), np.float32)
    paper = light - 0.7 * np.asarray(ink, np.float32)
    paper += np.random.default_rng(seed).normal(0, 3, (height, width)).astype(np.float32)
    return Image.fromarray(paper.clip(0, 255).astype(np.uint8))


def write_pictures(folder: Path, images: np.ndarray) -> tuple[Path, list[Path]]:
    """Write a photograph of 8 digits as JPEG with three channels, and each digit as a small PNG."""
    photo = folder / "photo.jpg"
    photograph(images[:8], PHOTO, seed=0).convert("RGB").save(photo, quality=90)
    small = []
    sides = np.random.default_rng(1).integers(SMALLEST, LARGEST + 1, len(images)).tolist()
    for number, side in enumerate(sides):
        small.append(folder / f"{number:04}.png")
        photograph(images[number : number + 1], (side, side), seed=number).save(small[-1])
    return photo, small


def decode(paths: Iterable[Path]) -> None:
    """Decode pictures with Pillow and convert all of their pixels to gray."""
    for path in paths:
        with Image.open(path) as image:
            image.convert("L")


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_times(tasks: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each task over interleaved rounds, after a warm-up round."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds + 1):
        for name, work in tasks.items():
            times[name].append(seconds(work))
    return {name: median(values[1:]) for name, values in times.items()}


def reading(rounds: int, data: str, machine: str) -> str:
    """Time the reader and Pillow's decoding of the same files and return a Markdown table."""
    from digitrec.reading.reader import Reader

    reader = Reader.pretrained()
    images, _ = mnist_test_set(data)
    with tempfile.TemporaryDirectory() as folder:
        photo, small = write_pictures(Path(folder), images[:SMALL].numpy())
        medians = median_times(
            {
                "decoded photo": lambda: decode([photo]),
                "read photo": lambda: reader.read(photo),
                "decoded small": lambda: decode(small),
                "read small": lambda: [reader.read(path) for path in small],
            },
            rounds,
        )
    lines = [
        f"Median of {rounds} interleaved rounds; {machine}.\n",
        "| pictures | Pillow decodes in | digitrec reads in | ratio |\n|---|---:|---:|---:|",
    ]
    for name, what in (
        ("photo", "a photograph of 12 megapixels, JPEG"),
        ("small", f"{len(small):,} small, PNG"),
    ):
        decoded, read = medians[f"decoded {name}"], medians[f"read {name}"]
        lines.append(f"| {what} | {decoded:.3f} s | {read:.3f} s | {read / decoded:.1f} |")
    return "\n".join(lines)
