"""People's own digits: a folder of pictures of single digits with their labels, as a training set."""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from digitrec.errors import PictureError

BATCH = 64
"""Pictures that are searched together."""


class LabelledDigits:
    """Adds the digits of a folder to the training digits.

    Args:
        folder: with pictures of one digit each; see ``labelled_digits``.
        repeats: how often each of them is added.
    """

    def __init__(self, folder: str | Path, repeats: int) -> None:
        self._folder = folder
        self._repeats = repeats

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the digits followed by those of the folder.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).

        Raises:
            PictureError: see ``labelled_digits``.
        """
        added, of_added = labelled_digits(self._folder)
        repeated = added.repeat(self._repeats, 1, 1), of_added.repeat(self._repeats)
        return torch.cat([images, repeated[0]]), torch.cat([labels, repeated[1]])


def labelled_digits(folder: str | Path) -> tuple[Tensor, Tensor]:
    """Read a folder of pictures of one digit each, as the reader sees them.

    The label of a picture is the name of its folder, if that is a digit, or else the digit that its file's
    name begins with: ``3/0001.png``, ``3.png``, ``3_blue.jpg``, but not ``3001.png``. Pictures in which no
    digit is found are left out, and a line says how many.

    Returns:
        Images, uint8 (n, 28, 28), in the order of the files' names, and labels, int64 (n,).

    Raises:
        PictureError: there is no picture, one has no label or cannot be read, or no digit is found in any.
    """
    from digitrec.reading.detection.page_detector import PageDetector  # training needs it only here
    from digitrec.reading.pictures.files import find
    from digitrec.reading.pictures.loading import load

    if not Path(folder).is_dir():
        raise PictureError(f"data.extra_dir: there is no folder {folder}.")
    paths = find([folder])
    labels = [label_of(path) for path in paths]
    detector, images, kept = PageDetector(), [], []
    for first in range(0, len(paths), BATCH):
        pages = [load(path).pixels for path in paths[first : first + BATCH]]
        for number, found in enumerate(detector.find(pages), first):
            if found:
                images.append(max(found, key=lambda each: each.score * each.box[2] * each.box[3]).image)
                kept.append(labels[number])
    if not images:
        raise PictureError(f"data.extra_dir: no digit is found in any picture of {folder}.")
    if len(images) < len(paths):
        left_out = f"{len(paths) - len(images)} of {len(paths)} pictures in {folder}"
        print(f"No digit is found in {left_out}: they are left out.")
    return torch.from_numpy(np.stack(images)), torch.tensor(kept)


def label_of(path: Path) -> int:
    """Return the digit that a picture is labelled with; see ``labelled_digits``.

    Raises:
        PictureError: it has no label.
    """
    named = re.fullmatch(r"([0-9])(\D.*)?", path.stem)
    digit = path.parent.name if re.fullmatch("[0-9]", path.parent.name) else named and named[1]
    if not digit:
        raise PictureError(
            f"{path} has no label: put it into a folder 0 to 9, or begin its name with a digit: 3_blue.png."
        )
    return int(digit)
