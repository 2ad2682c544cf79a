"""A sheet of training digits and their distortions in TensorBoard."""

from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger


class DistortionSheet(Callback):
    """Show 64 training digits, each beside its distortion, in TensorBoard, once per run."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the sheet as ``train/distorted`` if there is a distortion and a TensorBoardLogger."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        logger = trainer.logger
        if data.augment is None or not isinstance(logger, TensorBoardLogger) or not trainer.is_global_zero:
            return
        if trainer.global_step:  # resumed: the sheet exists
            return
        images = data.train_set.images[:64]
        pairs = torch.stack([images, data.augment(images)], dim=1).flatten(0, 1)
        framed = F.pad(pairs, (1, 1, 1, 1), value=64)
        height, width = framed.shape[1:]
        sheet = framed.view(-1, 16, height, width).permute(0, 2, 1, 3).reshape(1, -1, 16 * width)
        logger.experiment.add_image("train/distorted", sheet, trainer.global_step)
