"""The page detector as ONNX: the file gives PyTorch's maps on pages of any size."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from digitrec.errors import CheckpointError, ExportError
from digitrec.export.__main__ import main
from digitrec.export.detector import PixelDetector, check_detector, export_detector, generated_pages
from digitrec.models.detector_weights import load_detector
from digitrec.models.pretrained import PRETRAINED
from digitrec.reading.detection.decoding import Maps

pytestmark = pytest.mark.long
NAMES = "foreground", "centers", "offsets", "sizes", "kinds"


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The pretrained detector as an ONNX file, alone in its folder."""
    path = tmp_path_factory.mktemp("export") / "detector.onnx"
    assert main(["--what=detector", f"--output={path}"]) == 0
    return path


@pytest.fixture
def detector():
    return load_detector()


@pytest.mark.parametrize(("count", "height", "width"), [(1, 32, 32), (2, 64, 160), (1, 100, 44), (3, 90, 62)])
def test_maps_are_those_of_the_reading_code_at_any_size(count, height, width, exported, detector):
    session = onnxruntime.InferenceSession(exported)
    pages = generated_pages(count, height, width)
    results = session.run(NAMES, {"pages": pages.numpy()})
    found = dict(zip(NAMES, results, strict=True))
    with torch.inference_mode():
        expected = detector(pages)
    for number in range(count):
        maps = Maps.of(expected, number)
        for name, values in vars(maps).items():
            ours = found[name][number] if name == "offsets" else found[name][number, 0]
            np.testing.assert_allclose(ours, values, atol=1e-3)


def test_file_is_valid_small_and_says_what_goes_in_and_out(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["detector.onnx"]  # no weights beside it
    assert exported.stat().st_size < 2_000_000
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    (pages,) = onnxruntime.InferenceSession(exported).get_inputs()
    assert (pages.name, pages.type, pages.shape) == (
        "pages",
        "tensor(uint8)",
        ["batch", 1, "height", "width"],
    )
    assert tuple(output.name for output in model.graph.output) == NAMES
    assert {"digitrec", "input", "output"} <= {entry.key for entry in model.metadata_props}


@pytest.mark.parametrize("value", [0.01, torch.nan])
def test_model_with_different_maps_is_refused(value, exported, detector):
    model = PixelDetector(detector).eval()
    check_detector(exported.read_bytes(), model)
    with torch.no_grad():
        detector.kinds.bias += value
    with pytest.raises(ExportError, match=r"ONNX Runtime's kinds are .* off, so no file is written"):
        check_detector(exported.read_bytes(), model)


def test_generated_pages_are_different_and_always_the_same():
    pages = generated_pages(3, 52, 36)
    assert (pages.shape, pages.dtype) == ((3, 1, 52, 36), torch.uint8)
    assert torch.equal(pages, generated_pages(3, 52, 36))
    assert len(pages.flatten(1).unique(dim=0)) == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--ckpt_path=no.ckpt"], "There is no checkpoint no.ckpt"),
        (["--ckpt_path=best"], "no trained run in lightning_logs"),
        (["--output=no/detector.onnx"], "There is no folder no to write detector.onnx into."),
    ],
)
def test_mistake_prints_one_sentence(args, message, workplace, capsys):
    assert main(["--what=detector", *args]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("digitrec: ")
    assert error.count("\n") == 1


def test_checkpoint_of_the_classifier_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not those of a detector"):
        export_detector(PRETRAINED, tmp_path / "detector.onnx")
    assert not list(tmp_path.iterdir())
