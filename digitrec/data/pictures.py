"""The user's pictures as a data set; each is read when it is asked for.

The modules that read pictures are imported where they are used: SciPy is slow to import, and training does
not need it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

from digitrec.data.batches import PredictBatch
from digitrec.errors import PictureError
from digitrec.reading.pictures.picture import Picture

if TYPE_CHECKING:
    from digitrec.reading.segmentation.segment import Crop


class PictureDataset(Dataset[PredictBatch]):
    """The user's pictures. Each item is one picture, so that few of them are in memory at once.

    Args:
        patterns: files, folders and globs.

    Raises:
        PictureError: there is no picture.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        from digitrec.reading.pictures.files import find

        self.paths = find(patterns)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PredictBatch:
        from digitrec.reading.pictures.loading import load
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
        return PredictBatch(images, torch.arange(len(images)), picture)
