"""Detected digits for training: MNIST's digits on rendered pages, as the page detector finds them.

A classifier that reads pages sees digits that a shadow, a rule or a blur has changed, and what the detector
makes of them. It also sees signs and letters, which are no digits.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from digitrec.errors import DigitrecError
from digitrec.files import replacing
from digitrec.models.detector_weights import load_detector
from digitrec.models.pretrained import PRETRAINED_DETECTOR

VALIDATION_IMAGES = 5000
"""Held-out images of MNIST (with split_seed 0) that no training page is written with."""

LEAST_SCORE = 0.6
"""Score of a detected digit or mark, at least: half of the fainter ones are illegible."""

VERSION = 2
"""Raise it when the images are made differently: those that were made before are then made anew."""

NO_DIGIT = -1
"""Label of a mark."""

LIKE_ONE = "/,"
"""Marks that look like a 1 in an image of their own: only the page around them tells that they are none."""


class DetectedDigits:
    """Adds digits that the detector finds on rendered training pages.

    The pretrained detector finds them. They are made once, which takes some minutes, and kept in the data
    folder. They need OpenCV: the extra ``pages``. All pages are upright, since a digit that is turned by 180
    degrees may be another digit.

    Args:
        count: number of digits to add.
        data_dir: folder of MNIST, of the page renderer's glyphs and of the digits.
        seed: of the pages.
        train: whether the pages are written with training images; otherwise with held-out ones.
    """

    def __init__(
        self, count: int = 60_000, data_dir: str = "data", seed: int = 0, train: bool = True
    ) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}.")
        self._count, self._data_dir, self._seed, self._train = count, data_dir, seed, train

    def prepare(self) -> Path:
        """Make the digits if they are not there yet, and return their file."""
        key = self._count, self._seed, "train" if self._train else "val"
        detector = crc32(PRETRAINED_DETECTOR.read_bytes())
        file = Path(self._data_dir) / f"detected-{VERSION}-{'-'.join(map(str, key))}-{detector:08x}.npz"
        if not file.exists():
            found, digits, stream = [], 0, self._found()
            while digits < self._count:
                found.append(next(stream))
                digits += found[-1][1] != NO_DIGIT
            with replacing(file) as target:
                np.savez(target, images=[image for image, _ in found], labels=[label for _, label in found])
        return file

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the digits followed by the detected ones.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        added, of_added = self._load()
        digits = of_added != NO_DIGIT
        return torch.cat([images, added[digits]]), torch.cat([labels, of_added[digits]])

    def with_marks(self, outliers: Tensor) -> Tensor:
        """Return outliers and the marks that are found on the same pages, in random order.

        Args:
            outliers: uint8 (N, 28, 28).
        """
        images, labels = self._load()
        both = torch.cat([outliers, images[labels == NO_DIGIT]])
        return both[torch.randperm(len(both), generator=torch.Generator().manual_seed(self._seed))]

    def _load(self) -> tuple[Tensor, Tensor]:
        with np.load(self.prepare()) as content:
            return torch.from_numpy(content["images"]), torch.from_numpy(content["labels"])

    def _found(self) -> Iterator[tuple[np.ndarray, int]]:
        """Render pages without end, and yield the image and label of each digit and mark that is found."""
        try:
            from digitrec.data.glyphs import KINDS, MARK
            from digitrec.data.pages.datamodule import PageDataModule, PageDataset
        except ModuleNotFoundError as error:
            missing = "data.detected needs the package opencv-python-headless: pip install 'digitrec[pages]'."
            raise DigitrecError(missing) from error
        from digitrec.data.pages.targets import targets
        from digitrec.evaluation.detection import match
        from digitrec.reading.detection.decoding import DecodingLimits, Maps, decode
        from digitrec.reading.detection.mnist_image import mnist_image

        pages = PageDataModule(self._data_dir, val_size=VALIDATION_IMAGES)
        pages.prepare_data()
        renderer = pages.renderer(self._train)
        renderer = replace(renderer, extras=replace(renderer.extras, turned=0.0))
        dataset = PageDataset(renderer, self._seed, rank=0, steps=0)
        network, limits = load_detector(), DecodingLimits()
        like_one = [MARK + KINDS.index(mark) for mark in LIKE_ONE]
        for step in count():
            batch = targets(dataset.scenes(step), with_items=True)
            with torch.inference_mode():
                detection = network(batch.pages)
            for place, items in enumerate(batch.items):
                found = decode(Maps.of(detection, place), limits)
                for item, number in match([i.box for i in items], [i.box for i in found]).items():
                    label = items[item].label
                    if found[number].score < LEAST_SCORE or label in like_one:
                        continue
                    yield mnist_image(found[number].mask), label if items[item].is_digit else NO_DIGIT
