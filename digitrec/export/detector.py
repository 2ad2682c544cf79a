"""The page detector as ONNX, from gray pages of any size to probabilities and pixels."""

from pathlib import Path

import torch
from torch import Tensor, nn

from digitrec.errors import ExportError
from digitrec.export.classifier import generated_images
from digitrec.export.onnx_file import check_possible, convert, run, write
from digitrec.models.detector import Detection, DigitDetector
from digitrec.models.detector_weights import load_detector
from digitrec.models.normalization import SIDE

SIZES = ((1, 64, 64), (2, 48, 160), (3, 52, 36), (1, 212, 300))
"""Number, height and width of the pages that the file is checked with."""

TOLERANCE = 1e-3
"""Maximum difference between ONNX Runtime and PyTorch, in probability or in pixels."""


class PixelDetector(nn.Module):
    """A detector whose maps are probabilities and pixels."""

    def __init__(self, detector: DigitDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pages: Tensor) -> Detection:
        """Return the maps of gray pages, uint8 (batch, 1, height, width); see Detection.in_pixels."""
        found: Detection = self.detector(pages)
        return found.in_pixels()


def export_detector(checkpoint: Path, output: Path) -> None:
    """Write a checkpoint of the page detector as an ONNX file if ONNX Runtime and PyTorch agree.

    Args:
        checkpoint: a file that the detector's training or ``save_detector`` wrote.
        output: the ONNX file; after an error an old one is unchanged.

    Raises:
        CheckpointError: the checkpoint is missing or holds no detector.
        ExportError: a package is missing, the network cannot be converted, the results differ, or the file
            cannot be written.
    """
    check_possible(output)
    model = PixelDetector(load_detector(checkpoint)).eval()
    dynamic = {0: "batch", 2: "height", 3: "width"}
    program = convert(model, generated_pages(2, 64, 96), "pages", Detection._fields, dynamic)
    check_detector(program.model_proto.SerializeToString(), model)
    metadata = {
        "input": "pages: uint8 (batch, 1, height, width), gray; height and width are even",
        "output": "foreground, centers, kinds: probabilities; offsets (down, right), sizes: pixels; all but "
        "foreground have half of the height and width",
    }
    write(program, metadata, checkpoint, output)


def check_detector(content: bytes, model: nn.Module) -> None:
    """Compare the maps of an ONNX model and of the module that it was converted from.

    Raises:
        ExportError: a value differs by more than TOLERANCE.
    """
    batches = [generated_pages(*size) for size in SIZES]
    for batch, theirs in zip(batches, run(content, "pages", batches), strict=True):
        with torch.inference_mode():
            ours = model(batch)
        for name, mine, other in zip(Detection._fields, ours, theirs, strict=True):
            difference = (mine - other).abs().max().item()
            if not difference <= TOLERANCE:  # also if it is NaN
                raise ExportError(f"ONNX Runtime's {name} are {difference:.2g} off, so no file is written.")


def generated_pages(count: int, height: int, width: int) -> Tensor:
    """Return pages full of generated images, uint8 (count, 1, height, width), always the same."""
    down, across = -(-height // SIDE), -(-width // SIDE)
    images = generated_images(2 * count * down * across)[: count * down * across]  # without the noise
    tiles = images.view(count, down, across, SIDE, SIDE).transpose(2, 3)
    return tiles.reshape(count, 1, down * SIDE, across * SIDE)[..., :height, :width].contiguous()
