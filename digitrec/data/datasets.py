"""Images in memory as data sets that are read a whole batch at a time."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from digitrec.data.batches import Batch, PredictBatch


class DigitDataset(Dataset[Batch]):
    """Images in memory, from which a loader takes a whole batch with one index operation.

    Args:
        images: uint8 (N, 28, 28).
        targets: int64 (N,).
    """

    def __init__(self, images: Tensor, targets: Tensor) -> None:
        self.images = images
        self.targets = targets

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        return Batch(self.images[index], self.targets[index])

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the images of a batch: one by one this would take twenty times as long."""
        chosen = torch.from_numpy(np.array(indices))  # a third of the time of torch.tensor
        return Batch(self.images.index_select(0, chosen), self.targets.index_select(0, chosen))


class PredictBatches(Dataset[PredictBatch]):
    """Images to predict; item i is the i-th batch.

    A batch holds the same images on any number of processes, and its predictions are the same bits.

    Args:
        images: uint8 (N, 28, 28).
        batch_size: images in a batch; the last may have fewer.
    """

    def __init__(self, images: Tensor, batch_size: int) -> None:
        self.images = images
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int) -> PredictBatch:
        first = index * self.batch_size
        images = self.images[first : first + self.batch_size]
        return PredictBatch(images, torch.arange(first, first + len(images)))


def as_fetched(batch: Any) -> Any:
    """Return a batch as the data set made it: there is nothing to collate."""
    return batch
