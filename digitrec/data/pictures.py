"""The user's pictures as a data set: each read when it is asked for.

What reads them is imported where it is used: SciPy with its kin is slow to import, and not for training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from digitrec.reading.loading import Page
    from digitrec.reading.segmentation.segment import Crop


@dataclass(frozen=True)
class Picture:
    """A picture of the user's: its file and, unless there is an error to say, its page and what is on it."""

    path: Path
    page: "Page | None" = None
    crops: "tuple[Crop, ...]" = ()
    error: str | None = None


class PictureBatch(NamedTuple):
    """What is on a picture: images (n, 28, 28), their indices, and the picture."""

    images: Tensor
    targets: Tensor
    picture: Picture


class PictureDataset(Dataset[PictureBatch]):
    """The user's pictures, each read when it is asked for, so that memory holds few of them.

    Args:
        patterns: files, folders and globs.

    Raises:
        PictureError: they lead to no picture.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        from digitrec.reading.loading import find

        self.paths = find(patterns)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PictureBatch:
        from digitrec.reading.loading import PictureError, load
        from digitrec.reading.segmentation.segment import find_digits, images_of

        path = self.paths[index]
        crops: tuple[Crop, ...] = ()
        try:
            page = load(path)
            crops = tuple(find_digits(page.pixels))
        except PictureError as error:
            picture = Picture(path, error=str(error))
        else:
            picture = Picture(path, page, crops)
        images = torch.from_numpy(images_of(crops))
        return PictureBatch(images, torch.arange(len(images)), picture)
