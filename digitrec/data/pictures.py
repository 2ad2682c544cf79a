"""The user's pictures as a data set, in which the detector finds the digits.

The modules that read pictures are imported where they are used: training does not need them.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import Dataset

from digitrec.data.batches import PredictBatch
from digitrec.errors import PictureError
from digitrec.reading.pictures.picture import Picture

BATCH = 8
"""Pictures that are searched together: more need more memory, and are hardly faster."""


class PictureDataset(Dataset[PredictBatch]):
    """The user's pictures; item i is the i-th batch of BATCH. A picture is read when its batch is asked for.

    Args:
        patterns: files, folders and globs.

    Raises:
        PictureError: there is no picture.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        from digitrec.reading.detection.page_detector import PageDetector
        from digitrec.reading.pictures.files import find

        self.paths = find(patterns)
        self.detector = PageDetector()

    def __len__(self) -> int:
        return math.ceil(len(self.paths) / BATCH)

    def __getitem__(self, index: int) -> PredictBatch:
        from digitrec.reading.reader import images_of

        pictures = [_load(path) for path in self.paths[index * BATCH : (index + 1) * BATCH]]
        pages = [picture.page.pixels for picture in pictures if picture.page is not None]
        found = iter(self.detector.find(pages))
        pictures = [
            each if each.page is None else replace(each, found=tuple(next(found))) for each in pictures
        ]
        images = torch.from_numpy(images_of([one for picture in pictures for one in picture.found]))
        return PredictBatch(images, torch.arange(len(images)), tuple(pictures))


def _load(path: Path) -> Picture:
    from digitrec.reading.pictures.loading import load

    try:
        return Picture(path, load(path))
    except PictureError as error:
        return Picture(path, error=str(error))
