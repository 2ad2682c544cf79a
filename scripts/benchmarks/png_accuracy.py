"""Accuracy of the reader on MNIST's test images as PNG files: ``benchmark png``."""

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image
from torch import Tensor

from digitrec.reading.reader import Reader
from digitrec.reading.results import Reading
from scripts.lib.mnist import mnist_test_set

BACKGROUNDS = ("white on black", "black on white")


def as_png(image: np.ndarray, background: str) -> bytes:
    """Return an image uint8 (28, 28), white on black, as a PNG file; inverted for black on white."""
    file = io.BytesIO()
    Image.fromarray(image if background == BACKGROUNDS[0] else 255 - image).save(file, "PNG")
    return file.getvalue()


def row(name: str, readings: Iterable[Reading], labels: list[int], direct: int, threshold: float) -> str:
    """Return a row of the table.

    Args:
        name: what the pictures are.
        readings: of each picture, at threshold 0.
        labels: the digit that is on each.
        direct: how many the network classifies correctly from the pixels themselves.
        threshold: confidence, 0 to 1, below which a digit is refused.
    """
    correct = refused = 0
    for reading, label in zip(readings, labels, strict=True):
        correct += reading.text == str(label)
        refused += any(digit.confidence < threshold for digit in reading.digits)
    shares = [100 * count / len(labels) for count in (correct, direct - correct, refused)]
    return f"| {name} | {shares[0]:.2f} | {shares[1]:.2f} | {shares[2]:.2f} |"


def png_table(images: Tensor, labels: Tensor) -> list[str]:
    """Read images uint8 (N, 28, 28) on both backgrounds and return a Markdown table.

    A picture counts as correct if exactly one digit is found, the correct one, at any confidence.
    """
    reader, digits = Reader.pretrained(), labels.tolist()
    threshold = reader.classifier.threshold
    probabilities = reader.classifier.probabilities(images)
    direct = int((probabilities.argmax(dim=1) == labels).sum())
    refused = int((probabilities.amax(dim=1) < threshold).sum())
    lines = [
        f"| {len(digits):,} test images | correct (%) | lost (points) | below the threshold (%) |",
        "|---|---:|---:|---:|",
        f"| their own pixels | {100 * direct / len(digits):.2f} | | {100 * refused / len(digits):.2f} |",
    ]
    for background in BACKGROUNDS:
        readings = (reader.read(as_png(image, background), threshold=0) for image in images.numpy())
        lines.append(row(f"as PNG, {background}", readings, digits, direct, threshold))
    return lines


def png(data: str) -> list[str]:
    """Read all of MNIST's test images and return the table."""
    return png_table(*mnist_test_set(data))
