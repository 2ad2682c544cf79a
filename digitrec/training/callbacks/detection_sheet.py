"""A sheet of validation pages with what the detector finds on them, in TensorBoard."""

from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from digitrec.reading.detection.decoding import DecodingLimits, Maps, decode
from digitrec.training.callbacks.hparams import tensorboard_logger

GREEN, RED = (40, 200, 60), (230, 40, 40)
"""Colors of the boxes of digits and of other marks."""


class DetectionSheet(Callback):
    """Show pages of the first validation batch after each validation: as they are, boxed, and as foreground.

    Args:
        count: how many pages, at most those of the batch.
    """

    def __init__(self, count: int = 8) -> None:
        self._count = count

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the sheet as ``val/pages`` if there is a TensorBoardLogger."""
        logger = tensorboard_logger(trainer)
        if batch_idx or logger is None or not trainer.is_global_zero:
            return
        pages = batch.pages[: self._count]
        with torch.inference_mode():
            found = pl_module(pages)
        columns = []
        for number, page in enumerate(pages[:, 0].cpu().numpy()):
            maps = Maps.of(type(found)(*(part.cpu() for part in found)), number)
            foreground = (255 * maps.foreground).astype(np.uint8)[..., None].repeat(3, axis=2)
            plain = page[..., None].repeat(3, axis=2)
            columns.append(np.vstack([plain, boxed(plain, maps), foreground]))
        logger.experiment.add_image("val/pages", np.hstack(columns), trainer.global_step, dataformats="HWC")


def boxed(page: NDArray[np.uint8], maps: Maps) -> NDArray[np.uint8]:
    """Draw a box around each instance of a page, uint8 (height, width, 3)."""
    result = page.copy()
    for instance in decode(maps, DecodingLimits()):
        left, top, right, bottom = instance.box
        color = GREEN if instance.digit >= 0.5 else RED
        result[top:bottom, [left, right - 1]] = color
        result[[top, bottom - 1], left:right] = color
    return result
