"""Time of the ONNX file relative to PyTorch, for a start, one image and a batch: ``benchmark export``."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from PIL import Image

from digitrec.export.classifier import PixelClassifier, export_classifier, generated_images
from digitrec.models.checkpoints import load_classifier
from digitrec.models.pretrained import PRETRAINED
from scripts.benchmarks.reading_time import median_times
from scripts.lib.strokes import stroke_digits

IMAGES = 1_000

ONNX_START = """
import numpy, onnxruntime, sys
from PIL import Image
pixels = numpy.asarray(Image.open(sys.argv[2]))[None]
print(onnxruntime.InferenceSession(sys.argv[1]).run(None, {"pixels": pixels})[0][0])
"""
LIGHTNING_START = """
import numpy, sys, torch
from PIL import Image
from digitrec.training.classifier import DigitClassifier
from digitrec.models.normalization import normalize
pixels = torch.from_numpy(numpy.array(Image.open(sys.argv[2]))[None])
classifier = DigitClassifier.load_from_checkpoint(sys.argv[1], map_location="cpu").eval()
with torch.inference_mode():
    print(classifier(normalize(pixels)).argmax(dim=1).item())
"""


def start(code: str, model: Path, picture: Path) -> Callable[[], str]:
    """Return a task that runs code as ``python -c`` on a 28x28 picture and returns what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, str(model), str(picture)]
    return lambda: subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def tasks(onnx: Path, picture: Path) -> dict[str, Callable[[], Any]]:
    """Return the tasks ``start``, ``one`` and ``batch``, each for ``onnx`` and ``torch``."""
    classifier = load_classifier(PRETRAINED)
    model = PixelClassifier(classifier).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(onnx, options)
    batch = generated_images(IMAGES)
    one, pixels, pixel = batch[:1], batch.numpy(), batch[:1].numpy()

    def run_torch(images: torch.Tensor, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                model(images)

    return {
        "start onnx": start(ONNX_START, onnx, picture),
        "start torch": start(LIGHTNING_START, PRETRAINED, picture),
        "one onnx": lambda: [session.run(None, {"pixels": pixel}) for _ in range(1000)],
        "one torch": lambda: run_torch(one, 1000),
        "batch onnx": lambda: session.run(None, {"pixels": pixels}),
        "batch torch": lambda: run_torch(batch, 1),
    }


def export_times(rounds: int, machine: str) -> str:
    """Export the pretrained weights, time the file and return a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        onnx, picture = Path(folder) / "digits.onnx", Path(folder) / "seven.png"
        export_classifier(PRETRAINED, onnx)
        Image.fromarray(stroke_digits()[7]).save(picture)
        timed = tasks(onnx, picture)
        assert timed["start onnx"]() == timed["start torch"]()
        size = onnx.stat().st_size
        medians = median_times(timed, rounds)
    rows = [
        ("a process (`python -c`) that reads one 28x28 picture", "start", 1, "s", 2),
        ("one image", "one", 1000, "\u00b5s", 0),
        (f"{IMAGES:,} images at once", "batch", 1000, "ms", 1),
    ]
    lines = [
        f"File size {size / 1000:.0f} kB. Median of {rounds} interleaved rounds; {machine}, "
        f"onnxruntime {onnxruntime.__version__}.\n",
        "| | ONNX Runtime | PyTorch and Lightning | ratio |\n|---|---:|---:|---:|",
    ]
    for what, name, factor, unit, places in rows:
        onnx_time, torch_time = (factor * medians[f"{name} {by}"] for by in ("onnx", "torch"))
        lines.append(
            f"| {what} | {onnx_time:.{places}f} {unit} | {torch_time:.{places}f} {unit} "
            f"| {torch_time / onnx_time:.1f} |"
        )
    return "\n".join(lines)
