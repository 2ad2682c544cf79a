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
    """Lightning's reading, and writing that a kill or a full disk cannot make a broken checkpoint of."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint in place of the one that is there.

        Raises:
            CheckpointError: it cannot be written; the earlier one is still there.
        """
        target = Path(path)
        content = io.BytesIO()  # PyTorch makes a RuntimeError of its own of a full disk
        torch.save(checkpoint, content)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(content.getbuffer())
        except OSError as error:
            stays = " The one written before is still there." if target.exists() else ""
            raise CheckpointError(f"{target} cannot be written: {error.strerror}.{stays}") from error
