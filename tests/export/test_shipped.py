"""The ONNX files beside the pretrained weights, which the web server reads with."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from digitrec.models.onnx_runtime import onnx_runtime
from digitrec.models.pretrained import PRETRAINED, PRETRAINED_DETECTOR, PRETRAINED_ONNX
from digitrec.reading.onnx_networks import onnx_reader
from digitrec.reading.reader import Reader
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits


@pytest.mark.parametrize("checkpoint", [PRETRAINED, PRETRAINED_DETECTOR], ids=lambda path: path.stem)
def test_files_are_exported_from_the_checkpoints_beside_them(checkpoint):
    """Where this fails: python -m digitrec.export --what WHAT --output digitrec/weights/WHAT.onnx."""
    session = onnx_runtime().InferenceSession(PRETRAINED_ONNX / f"{checkpoint.stem}.onnx")
    origin = session.get_modelmeta().custom_metadata_map["checkpoint_sha256"]
    assert origin == hashlib.sha256(checkpoint.read_bytes()).hexdigest()


def test_reader_reads_as_with_pytorch():
    ours, theirs = onnx_reader(PRETRAINED_ONNX), Reader.pretrained()
    assert ours.classifier.threshold == theirs.classifier.threshold
    rows = render(stroke_digits()[[2, 7, 0, 3, 5, 4]], Options(height=80, pen=0.12, lines=2), 0).picture
    for page in (rows, Image.new("L", (200, 100), 255), Image.fromarray(stroke_digits()[3])):
        one, other = ours.read(page), theirs.read(page)
        assert one.text == other.text
        assert [digit.box for digit in one.digits] == [digit.box for digit in other.digits]
        for mine, expected in zip(one.digits, other.digits, strict=True):
            np.testing.assert_allclose(mine.probabilities, expected.probabilities, atol=1e-3)
    assert ours.read(rows).text == "270\n354"
    assert ours.classifier.classify(np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)
