"""What the ONNX file saves: start, one image, a batch, against the PyTorch that it was made of."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from PIL import Image

from digitrec.export import PixelClassifier, export, generated_images
from digitrec.models.checkpoints import PRETRAINED, load_classifier
from scripts.benchmarks.reading_time import race
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
    """A process that reads one 28x28 picture and ends, as ``python -c`` starts it; what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, str(model), str(picture)]
    return lambda: subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def contenders(onnx: Path, picture: Path) -> dict[str, Callable[[], Any]]:
    """What is raced: ``start``, ``one`` and ``batch``, each by ``onnx`` and ``torch`` on as many threads."""
    classifier = load_classifier(PRETRAINED)
    model = PixelClassifier(classifier).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(onnx, options)
    batch = generated_images(IMAGES)
    one, pixels, pixel = batch[:1], batch.numpy(), batch[:1].numpy()

    def by_torch(images: torch.Tensor, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                model(images)

    return {
        "start onnx": start(ONNX_START, onnx, picture),
        "start torch": start(LIGHTNING_START, PRETRAINED, picture),
        "one onnx": lambda: [session.run(None, {"pixels": pixel}) for _ in range(1000)],
        "one torch": lambda: by_torch(one, 1000),
        "batch onnx": lambda: session.run(None, {"pixels": pixels}),
        "batch torch": lambda: by_torch(batch, 1),
    }


def export_times(rounds: int, machine: str) -> str:
    """Export the weights that ship and race the file; a table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        onnx, picture = Path(folder) / "digits.onnx", Path(folder) / "seven.png"
        export(PRETRAINED, onnx)
        Image.fromarray(stroke_digits()[7]).save(picture)
        raced = contenders(onnx, picture)
        assert raced["start onnx"]() == raced["start torch"]()
        size = onnx.stat().st_size
        medians = race(raced, rounds)
    rows = [
        ("`python -c` reads one 28x28 picture and ends", "start", 1, "s", 2),
        ("one image", "one", 1000, "\u00b5s", 0),
        (f"{IMAGES:,} images at once", "batch", 1000, "ms", 1),
    ]
    lines = [
        f"The file has {size / 1000:.0f} kB. Median of {rounds} interleaved rounds; {machine}, "
        f"onnxruntime {onnxruntime.__version__}.\n",
        "| | ONNX Runtime | PyTorch and Lightning | ratio |\n|---|---:|---:|---:|",
    ]
    for what, name, factor, unit, places in rows:
        ours, theirs = (factor * medians[f"{name} {by}"] for by in ("onnx", "torch"))
        lines.append(
            f"| {what} | {ours:.{places}f} {unit} | {theirs:.{places}f} {unit} | {theirs / ours:.1f} |"
        )
    return "\n".join(lines)
