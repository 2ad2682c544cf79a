"""Recognizer: a trained network with everything that turns its output into calibrated probabilities."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from digitrec.errors import CheckpointError
from digitrec.models.normalization import normalize
from digitrec.models.pretrained import CHUNK
from digitrec.models.tta import TTA


def log_probabilities(network: nn.Module, images: Tensor, tta: TTA | None, temperature: float) -> Tensor:
    """Run a network and normalize what it returns.

    Args:
        network: takes normalized images (batch, 28, 28) to logits or log-probabilities (batch, 10).
        images: normalized, float32 (batch, 28, 28).
        tta: makes variants of each image, whose log-probabilities are averaged; None uses the image alone.
        temperature: divides the log-probabilities, which are then normalized again.

    Returns:
        Log-probabilities, float32 (batch, 10).
    """
    if tta is None:
        output = _normalized(network, images)
        if temperature == 1:
            return output
    else:
        variants = tta(images)
        output = _normalized(network, variants.flatten(0, 1)).view(*variants.shape[:2], 10).mean(dim=0)
    return F.log_softmax(output / temperature, dim=1)


def _normalized(network: nn.Module, images: Tensor) -> Tensor:
    """Return the log-probabilities of a network; of those that it returns itself log_softmax changes nothing.

    It would change a tenth of them in the last bit and take 20 microseconds of a training step, so a network
    may say that it needs none.
    """
    output: Tensor = network(images)
    if getattr(network, "returns_log_probabilities", False):
        return output
    return F.log_softmax(output, dim=1, dtype=torch.float32)


class Recognizer(nn.Module):
    """A trained network with its temperature, test-time augmentation and rejection threshold.

    It is what a checkpoint holds for reading, the web server and ONNX; it does not need Lightning.

    Args:
        network: takes normalized images (batch, 28, 28) to logits or log-probabilities (batch, 10).
        temperature: see ``log_probabilities``.
        tta: see ``log_probabilities``.
        threshold: confidence, 0 to 1, below which a digit is reported as ``?``.
    """

    def __init__(
        self,
        network: nn.Module,
        temperature: float = 1.0,
        tta: TTA | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.tta = tta
        self.threshold = threshold

    def forward(self, images: Tensor) -> Tensor:
        """Return log-probabilities (batch, 10) of normalized images (batch, 28, 28)."""
        return log_probabilities(self.network, images, self.tta, self.temperature)

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what ``probabilities`` does, of and as arrays."""
        probabilities: NDArray[np.float32] = self.probabilities(torch.from_numpy(images)).numpy()
        return probabilities

    @torch.inference_mode()
    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return probabilities, float32 (batch, 10), on the CPU.

        Args:
            pixels: uint8 (batch, 28, 28), bright digits on black; any number, processed in chunks.

        Raises:
            CheckpointError: one is NaN.
        """
        device = next(self.network.parameters(), torch.empty(0)).device
        chunks = [self(normalize(chunk.to(device))).exp().cpu() for chunk in torch.split(pixels, CHUNK)]
        probabilities = torch.cat(chunks)
        if probabilities.isnan().any():
            raise CheckpointError("The network returns NaN: choose another checkpoint.")
        return probabilities
