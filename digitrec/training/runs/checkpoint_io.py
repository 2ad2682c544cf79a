"""Writing checkpoints atomically."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from digitrec.errors import CheckpointError
from digitrec.files import replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint reading, with writing that a kill or a full disk cannot interrupt."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint, replacing an existing one as a whole.

        Raises:
            CheckpointError: it cannot be written; an earlier one is unchanged.
        """
        target = Path(path)
        content = io.BytesIO()  # PyTorch reports a full disk as a RuntimeError
        torch.save(checkpoint, content)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(content.getbuffer())
        except OSError as error:
            stays = " The earlier one is unchanged." if target.exists() else ""
            raise CheckpointError(f"{target} cannot be written: {error.strerror}.{stays}") from error
