"""MNIST's test images as PNG files, read as pictures are, against the network on their own pixels."""

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image
from torch import Tensor

from digitrec.data.datamodule import MNISTDataModule
from digitrec.reading.reader import Reader
from digitrec.reading.results import Reading

GROUNDS = ("white on black", "black on white")


def as_png(image: np.ndarray, ground: str) -> bytes:
    """The PNG file of an image uint8 (28, 28), white on black, or inverted."""
    file = io.BytesIO()
    Image.fromarray(image if ground == GROUNDS[0] else 255 - image).save(file, "PNG")
    return file.getvalue()


def row(name: str, readings: Iterable[Reading], labels: list[int], direct: int, threshold: float) -> str:
    """A row of the table.

    Args:
        name: what the pictures are.
        readings: of each picture, at threshold 0.
        labels: the digit that is on each.
        direct: how many of them the network has right on the pixels themselves.
        threshold: confidence, 0 to 1, below which a digit is refused.
    """
    right = refused = 0
    for reading, label in zip(readings, labels, strict=True):
        right += reading.text == str(label)
        refused += any(digit.confidence < threshold for digit in reading.digits)
    shares = [100 * count / len(labels) for count in (right, direct - right, refused)]
    return f"| {name} | {shares[0]:.2f} | {shares[1]:.2f} | {shares[2]:.2f} |"


def png_table(images: Tensor, labels: Tensor) -> list[str]:
    """Read images uint8 (N, 28, 28) on both grounds; a table as Markdown.

    A picture is right if exactly one digit is found on it, and is the right one, however unsure.
    """
    reader, truth = Reader.pretrained(), labels.tolist()
    threshold = reader.classifier.threshold
    probabilities = reader.classifier.probabilities(images)
    direct = int((probabilities.argmax(dim=1) == labels).sum())
    unsure = int((probabilities.amax(dim=1) < threshold).sum())
    lines = [
        f"| {len(truth):,} test images | right (%) | lost (points) | below the threshold (%) |",
        "|---|---:|---:|---:|",
        f"| their own pixels | {100 * direct / len(truth):.2f} | | {100 * unsure / len(truth):.2f} |",
    ]
    for ground in GROUNDS:
        readings = (reader.read(as_png(image, ground), threshold=0) for image in images.numpy())
        lines.append(row(f"as PNG, {ground}", readings, truth, direct, threshold))
    return lines


def png(data: str) -> list[str]:
    """Read all of MNIST's test images; the table."""
    module = MNISTDataModule(data)
    module.prepare_data()
    module.setup("test")
    return png_table(module.test_set.images, module.test_set.targets)
