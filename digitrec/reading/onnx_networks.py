"""The two networks in ONNX Runtime, which starts without PyTorch and needs half of its time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitrec.models.onnx_runtime import onnx_runtime
from digitrec.models.pretrained import CHUNK, PRETRAINED, PRETRAINED_ONNX
from digitrec.reading.detection.decoding import DecodingLimits, Maps
from digitrec.reading.detection.hypotheses import Gray
from digitrec.reading.detection.page_detector import PageDetector
from digitrec.reading.detection.scale_policy import ScalePolicy
from digitrec.reading.reader import Reader


class OnnxClassifier:
    """The classifier of a file that ``digitrec export`` wrote; see ``Classifier``.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._session = session(path)
        self.threshold = float(self._session.get_modelmeta().custom_metadata_map["threshold"])

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (n, 10) of images (n, 28, 28), white on black."""
        chunks = (images[first : first + CHUNK] for first in range(0, len(images), CHUNK))
        rows = [self._session.run(["probabilities"], {"pixels": chunk})[0] for chunk in chunks]
        return np.concatenate([np.empty((0, 10), np.float32), *rows])


class OnnxPageDetector(PageDetector):
    """The page detector of a file that ``digitrec export --what detector`` wrote.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.policy, self.limits = ScalePolicy(), DecodingLimits()
        self._session = session(path)

    def _maps(self, pixels: Gray, edges: Sequence[tuple[int, int]]) -> list[Maps]:
        parts = self._session.run(None, {"pages": pixels[:, None]})
        return [Maps.without_edges(*of_page) for of_page in zip(zip(*parts, strict=True), edges, strict=True)]


def onnx_reader(folder: Path) -> Reader:
    """Return a reader of the two files in a folder, ``digits.onnx`` and ``detector.onnx``."""
    return Reader(OnnxClassifier(folder / "digits.onnx"), OnnxPageDetector(folder / "detector.onnx"))


def open_reader(checkpoint: Path) -> Reader:
    """Return a reader of a checkpoint; that of the pretrained weights needs no PyTorch.

    Raises:
        CheckpointError: there is no such checkpoint, or it is refused.
    """
    return onnx_reader(PRETRAINED_ONNX) if checkpoint == PRETRAINED else Reader.from_checkpoint(checkpoint)


def session(path: Path) -> Any:
    """Open a file in ONNX Runtime, on one thread and without memory that it keeps for later.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # after one photo it would keep hundreds of megabytes
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
