"""The detector's weights on the disk: float16, without anything that could run code."""

import io
from pathlib import Path

import torch
from torch import Tensor

from digitrec.errors import CheckpointError
from digitrec.files import replacing
from digitrec.models.content import load_content
from digitrec.models.detector import DigitDetector
from digitrec.models.pretrained import PRETRAINED_DETECTOR

PREFIX = "network."
"""Of the network's weights in a checkpoint of training."""


def load_detector(path: str | Path = PRETRAINED_DETECTOR) -> DigitDetector:
    """Read the detector of a checkpoint, for reading: in evaluation mode and fused.

    Args:
        path: a file that ``save_detector`` or the detector's training wrote.

    Raises:
        CheckpointError: there is no such file, or it holds no detector.
    """
    network = DigitDetector()
    try:
        network.load_state_dict(network_weights(path))
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights in {path} are not those of a detector: choose another."
        ) from error
    return network.fused()


def network_weights(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, as float32.

    Raises:
        CheckpointError: see ``load_content``.
    """
    state: dict[str, Tensor] = load_content(path)["state_dict"]
    weights = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def save_detector(weights: dict[str, Tensor], path: str | Path) -> None:
    """Write a network's weights in float16: half of the size, and no digit read otherwise.

    Raises:
        OSError: the file cannot be written; an earlier one is unchanged.
    """
    halves = {
        PREFIX + name: value.half() if value.is_floating_point() else value
        for name, value in weights.items()
        if not name.endswith("num_batches_tracked")
    }
    content = io.BytesIO()  # PyTorch reports a full disk as a RuntimeError
    torch.save({"state_dict": halves}, content)
    with replacing(Path(path)) as file:
        file.write(content.getbuffer())
