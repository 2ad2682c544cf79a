"""A checkpoint as one ONNX file, from raw pixels to probabilities, that is checked before it is written.

python -m digitrec.export [--ckpt_path pretrained|best|last|FILE] [--output digits.onnx] [--data_dir data]
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitrec import __version__
from digitrec.data.mnist import load_mnist
from digitrec.data.synthetic.outliers import blots
from digitrec.errors import CheckpointError, ExportError, MNISTUnavailableError, sentence
from digitrec.files import replacing
from digitrec.models.checkpoints import PATHS, build_classifier, read_checkpoint
from digitrec.models.normalization import SIDE, normalize
from digitrec.models.recognizer import Recognizer
from digitrec.runs import named_checkpoint

TOLERANCE = 1e-4
"""How far a probability in ONNX Runtime may be from PyTorch's."""

GENERATED = 10_000
"""Images made for the check; MNIST's test images come on top where they are."""

_BATCH = 1_000


class PixelClassifier(nn.Module):
    """A recognizer from raw pixels: scaling, normalization, test-time augmentation and temperature inside."""

    def __init__(self, classifier: Recognizer) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Read uint8 (batch, 28, 28), bright on black: digits int64 (batch,), float32 (batch, 10)."""
        probabilities = self.classifier(normalize(pixels)).exp()
        return probabilities.argmax(dim=1), probabilities


def export(checkpoint: Path, output: Path, data_dir: str | Path = "data") -> float | None:
    """Write a checkpoint as an ONNX file, once ONNX Runtime has said what PyTorch says of many images.

    Args:
        checkpoint: a file that digitrec wrote.
        output: replaced whole, or left as it was.
        data_dir: where MNIST may be; nothing is downloaded.

    Returns:
        The accuracy on the test images, 0 to 1; None where they are not there.

    Raises:
        CheckpointError: the checkpoint is missing, or must not be loaded.
        ExportError: a package is missing, the network has no counterpart in ONNX, the two do not agree, or
            the file cannot be written.
    """
    _import_packages()
    if not output.parent.is_dir():  # said before the work, not after
        raise ExportError(f"There is no folder {output.parent} to write {output.name} into.")
    content = read_checkpoint(checkpoint)
    model = PixelClassifier(build_classifier(content, checkpoint)).eval()
    program = _convert(model)
    check(program.model_proto.SerializeToString(), model, generated_images(GENERATED))
    accuracy = None
    try:
        images, labels = load_mnist(data_dir, train=False)
    except MNISTUnavailableError:
        pass
    else:
        digits = check(program.model_proto.SerializeToString(), model, images)
        accuracy = (digits == labels).double().mean().item()
    program.model.metadata_props.update(_metadata(content, accuracy))
    try:
        with replacing(output) as file:
            file.write(program.model_proto.SerializeToString())
    except OSError as error:
        raise ExportError(f"{output} cannot be written: {error.strerror}.") from error
    return accuracy


def check(content: bytes, model: nn.Module, images: Tensor) -> Tensor:
    """Compare what an ONNX model and the one that it was made of say of images, uint8 (N, 28, 28).

    Returns:
        The digits of both, int64 (N,).

    Raises:
        ExportError: a digit differs, or a probability by more than TOLERANCE.
    """
    session = import_module("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])
    digits = []
    for batch in (images[:1], *torch.split(images[1:], _BATCH)):  # of one, and of many
        theirs = [torch.from_numpy(values) for values in session.run(None, {"pixels": batch.numpy()})]
        with torch.inference_mode():
            ours = model(batch)
        if not torch.equal(theirs[0], ours[0]):
            raise ExportError("ONNX Runtime reads other digits than PyTorch, so no file is written.")
        apart = (theirs[1] - ours[1]).abs().max().item()
        if not apart <= TOLERANCE:  # nor may it be NaN
            raise ExportError(f"ONNX Runtime's probabilities are {apart:.2g} off, so no file is written.")
        digits.append(theirs[0])
    return torch.cat(digits)


def generated_images(count: int) -> Tensor:
    """Shapes with uneven edges, noise, all black and all white: uint8 (count, 28, 28), always the same."""
    random = torch.Generator().manual_seed(0)
    none = torch.empty(0)  # blots are not made of digits
    shapes = blots(none, none, count // 2, random)
    noise = torch.rand(count - count // 2, SIDE, SIDE, generator=random) * 255
    noise[0], noise[1] = 0, 255
    return torch.cat([shapes, noise]).round().to(torch.uint8)


def _convert(model: nn.Module) -> Any:
    """The model as a torch.onnx.ONNXProgram with a free batch dimension."""
    example = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making
        try:
            return torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                external_data=False,
                input_names=["pixels"],
                output_names=["digit", "probabilities"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ExportError(
                f"The network has no counterpart in ONNX: {str(error).splitlines()[0]}"
            ) from error


def _metadata(checkpoint: dict[str, Any], accuracy: float | None) -> dict[str, str]:
    """What the file says of itself, as ONNX has it: strings."""
    metadata = {
        "digitrec": __version__,
        "input": "pixels: uint8 (batch, 28, 28), white ink on black ground, as MNIST has digits",
        "output": "digit: int64 (batch,); probabilities: float32 (batch, 10), calibrated by temperature",
    }
    for name, key in (("model", "hyper_parameters"), ("data", "datamodule_hyper_parameters")):
        values = {key: value for key, value in checkpoint[key].items() if key not in PATHS and key[0] != "_"}
        metadata[name] = json.dumps(values, default=str)
    if accuracy is not None:
        metadata["test_accuracy"] = f"{accuracy:.4f}"
    return metadata


def _import_packages() -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ImportError:
            raise ExportError(f"The package {name} is missing: pip install 'digitrec[export]'.") from None


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status, 1 after a mistake with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m digitrec.export", description=__doc__.splitlines()[0])
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    parser.add_argument("--output", type=Path, default=Path("digits.onnx"), help="default: digits.onnx")
    parser.add_argument("--data_dir", default="data", help="where MNIST may be; default: data")
    options = parser.parse_args(args)
    try:
        accuracy = export(named_checkpoint(options.ckpt_path), options.output, options.data_dir)
    except (CheckpointError, ExportError, OSError) as error:
        said = sentence(error)
    else:
        size = options.output.stat().st_size
        on_test = (
            f"; {accuracy:.2%} of MNIST's test images are right"
            if accuracy is not None
            else f"; MNIST is not in {options.data_dir}, so its test images were not compared"
        )
        print(f"Wrote {options.output}, {size / 1000:.0f} kB: as PyTorch on {GENERATED:,} images{on_test}.")
        return 0
    print(f"digitrec.export: {said}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
