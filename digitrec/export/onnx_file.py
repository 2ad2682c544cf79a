"""What the exports share: conversion to ONNX, a session of ONNX Runtime, and writing the file."""

import hashlib
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitrec import __version__
from digitrec.errors import ExportError
from digitrec.files import replacing
from digitrec.models.onnx_runtime import onnx_runtime


def check_possible(output: Path) -> None:
    """Check what can be checked before the conversion, which takes seconds.

    Raises:
        ExportError: a package is missing, or there is no folder for the file.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ImportError:
            raise ExportError(f"The package {name} is missing: pip install 'digitrec[export]'.") from None
    if not output.parent.is_dir():
        raise ExportError(f"There is no folder {output.parent} to write {output.name} into.")


def convert(
    model: nn.Module, example: Tensor, input_name: str, output_names: tuple[str, ...], dynamic: dict[int, str]
) -> Any:
    """Convert a module of one input to a torch.onnx.ONNXProgram.

    Args:
        model: the module, in evaluation mode.
        example: an input; a dynamic dimension of it must be above 1.
        input_name: of the input.
        output_names: of the outputs.
        dynamic: the names of the input's dimensions that are not fixed.

    Raises:
        ExportError: the module cannot be converted.
    """
    dimensions = {number: torch.export.Dim(name) for number, name in dynamic.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about the exporter itself
        try:
            return torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                external_data=False,
                input_names=[input_name],
                output_names=list(output_names),
                dynamic_shapes=(dimensions,),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ExportError(
                f"The network cannot be converted to ONNX: {str(error).splitlines()[0]}"
            ) from error


def run(content: bytes, name: str, batches: list[Tensor]) -> list[list[Tensor]]:
    """Return the outputs of an ONNX model for some batches."""
    session = onnx_runtime().InferenceSession(content, providers=["CPUExecutionProvider"])
    return [
        [torch.from_numpy(values) for values in session.run(None, {name: batch.numpy()})] for batch in batches
    ]


def write(program: Any, metadata: dict[str, str], checkpoint: Path, output: Path) -> None:
    """Write the file, with the digest of its checkpoint; after an error an old one is unchanged.

    Raises:
        ExportError: it cannot be written.
    """
    origin = {
        "digitrec": __version__,
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
    }
    program.model.metadata_props.update({**origin, **metadata})
    try:
        with replacing(output) as file:
            file.write(program.model_proto.SerializeToString())
    except OSError as error:
        raise ExportError(f"{output} cannot be written: {error.strerror}.") from error
