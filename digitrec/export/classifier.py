"""The classifier as ONNX, from raw pixels to probabilities."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitrec.data.mnist import load_mnist
from digitrec.data.synthetic.outliers import blots
from digitrec.errors import ExportError, MNISTUnavailableError
from digitrec.export.onnx_file import check_possible, convert, run, write
from digitrec.models.checkpoints import PATHS, build_classifier, read_checkpoint
from digitrec.models.normalization import SIDE, normalize
from digitrec.models.recognizer import Recognizer

TOLERANCE = 1e-4
"""Maximum difference between a probability of ONNX Runtime and of PyTorch."""

GENERATED = 10_000
"""Images that are generated for the check; MNIST's test images are added if they are available."""

_BATCH = 1_000  # images


class PixelClassifier(nn.Module):
    """A recognizer with raw pixels as its input: scaling and normalization are part of the module."""

    def __init__(self, classifier: Recognizer) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return digits, int64 (batch,), and probabilities, float32 (batch, 10).

        Args:
            pixels: uint8 (batch, 28, 28), bright digits on black.
        """
        probabilities = self.classifier(normalize(pixels)).exp()
        return probabilities.argmax(dim=1), probabilities


def export_classifier(checkpoint: Path, output: Path, data_dir: str | Path = "data") -> float | None:
    """Write a checkpoint as an ONNX file if ONNX Runtime and PyTorch agree on many images.

    Args:
        checkpoint: a file that digitrec wrote.
        output: the ONNX file; after an error an old one is unchanged.
        data_dir: the folder of MNIST, if it is available; nothing is downloaded.

    Returns:
        The accuracy on the test images, 0 to 1; None if they are not available.

    Raises:
        CheckpointError: the checkpoint is missing or refused.
        ExportError: a package is missing, the network cannot be converted, the results differ, or the file
            cannot be written.
    """
    check_possible(output)
    content = read_checkpoint(checkpoint)
    model = PixelClassifier(build_classifier(content, checkpoint)).eval()
    example = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    program = convert(model, example, "pixels", ("digit", "probabilities"), {0: "batch"})
    check(program.model_proto.SerializeToString(), model, generated_images(GENERATED))
    accuracy = None
    try:
        images, labels = load_mnist(data_dir, train=False)
    except MNISTUnavailableError:
        pass
    else:
        digits = check(program.model_proto.SerializeToString(), model, images)
        accuracy = (digits == labels).double().mean().item()
    write(program, _metadata(content, model.classifier.threshold, accuracy), checkpoint, output)
    return accuracy


def check(content: bytes, model: nn.Module, images: Tensor) -> Tensor:
    """Compare the results of an ONNX model and of the module that it was converted from.

    Args:
        content: the ONNX model.
        model: the module.
        images: uint8 (N, 28, 28).

    Returns:
        The predicted digits, which are the same for both, int64 (N,).

    Raises:
        ExportError: a digit differs, or a probability by more than TOLERANCE.
    """
    batches = [images[:1], *torch.split(images[1:], _BATCH)]  # one batch of a single image
    digits = []
    for batch, theirs in zip(batches, run(content, "pixels", batches), strict=True):
        with torch.inference_mode():
            ours = model(batch)
        if not torch.equal(theirs[0], ours[0]):
            raise ExportError("ONNX Runtime predicts other digits than PyTorch, so no file is written.")
        difference = (theirs[1] - ours[1]).abs().max().item()
        if not difference <= TOLERANCE:  # also if it is NaN
            raise ExportError(
                f"ONNX Runtime's probabilities are {difference:.2g} off, so no file is written."
            )
        digits.append(theirs[0])
    return torch.cat(digits)


def generated_images(count: int) -> Tensor:
    """Return shapes with uneven edges, noise, black and white: uint8 (count, 28, 28), always the same."""
    random = torch.Generator().manual_seed(0)
    none = torch.empty(0)  # blots need no digits
    shapes = blots(none, none, count // 2, random)
    noise = torch.rand(count - count // 2, SIDE, SIDE, generator=random) * 255
    noise[0], noise[1] = 0, 255
    return torch.cat([shapes, noise]).round().to(torch.uint8)


def _metadata(checkpoint: dict[str, Any], threshold: float, accuracy: float | None) -> dict[str, str]:
    """Return the metadata of the ONNX file, which must be strings."""
    metadata = {
        "input": "pixels: uint8 (batch, 28, 28), white digits on black, as in MNIST",
        "output": "digit: int64 (batch,); probabilities: float32 (batch, 10), calibrated by temperature",
        "threshold": f"{threshold}",
    }
    for name, key in (("model", "hyper_parameters"), ("data", "datamodule_hyper_parameters")):
        values = {key: value for key, value in checkpoint[key].items() if key not in PATHS and key[0] != "_"}
        metadata[name] = json.dumps(values, default=str)
    if accuracy is not None:
        metadata["test_accuracy"] = f"{accuracy:.4f}"
    return metadata
