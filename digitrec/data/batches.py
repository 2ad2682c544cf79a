"""What the loaders give to the LightningModule."""

from typing import NamedTuple

from torch import Tensor

from digitrec.reading.pictures.picture import Picture


class Batch(NamedTuple):
    """A batch to train on or to evaluate.

    Attributes:
        images: (batch, 28, 28): uint8 from the loader, normalized float32 in the LightningModule.
        targets: int64 (batch,), the digits.
        outliers: out-of-distribution images (n, 28, 28), where a training uses them.
    """

    images: Tensor
    targets: Tensor
    outliers: Tensor | None = None


class PredictBatch(NamedTuple):
    """A batch to predict.

    Attributes:
        images: (batch, 28, 28), as in ``Batch``.
        indices: int64 (batch,), the places of the images in their data set or batch.
        pictures: those that the images are found in, in this order; None for images of the test set.
    """

    images: Tensor
    indices: Tensor
    pictures: tuple[Picture, ...] | None = None
