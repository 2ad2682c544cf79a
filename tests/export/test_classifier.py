"""The classifier as ONNX: PyTorch's results, metadata, and no file without a check."""

import json
import sys

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
import torch

from digitrec.data.mnist import load_mnist
from digitrec.errors import CheckpointError, ExportError
from digitrec.export import classifier as module
from digitrec.export.__main__ import main
from digitrec.export.classifier import PixelClassifier, check, export_classifier, generated_images
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from tests.conftest import TEST

pytestmark = pytest.mark.long


@pytest.fixture
def classifier():
    return load_classifier(PRETRAINED)


@pytest.fixture
def converted(exported, monkeypatch):
    """Load the exported file instead of converting anew, which takes seconds."""
    convert = lambda *_: torch.onnx.ONNXProgram(onnx_ir.load(exported), None)  # noqa: E731
    monkeypatch.setattr(module, "convert", convert)
    monkeypatch.setattr(module, "GENERATED", 100)


def test_model_maps_uint8_pixels_to_calibrated_probabilities(exported, classifier):
    session = onnxruntime.InferenceSession(exported)
    (pixels,) = session.get_inputs()
    assert (pixels.name, pixels.type, pixels.shape) == ("pixels", "tensor(uint8)", ["batch", 28, 28])
    images = generated_images(100)
    digit, probabilities = session.run(["digit", "probabilities"], {"pixels": images.numpy()})
    assert (digit.dtype, probabilities.dtype) == (np.int64, np.float32)
    # Computed from the weights alone: scaled, standardized, ReLU, softmax at the temperature.
    variants = classifier.tta(((images / 255 - 0.1307) / 0.3081).float())
    scores = variants.double().flatten(2)
    *hidden, last = [layer for layer in classifier.network.layers if isinstance(layer, torch.nn.Linear)]
    for layer in hidden:
        scores = (scores @ layer.weight.double().T + layer.bias).relu()
    scores = (scores @ last.weight.double().T + last.bias).log_softmax(2).mean(0) / classifier.temperature
    np.testing.assert_allclose(probabilities, scores.softmax(1).detach().numpy(), atol=1e-4)
    np.testing.assert_array_equal(digit, probabilities.argmax(1))


def test_batch_size_is_dynamic(exported):
    session = onnxruntime.InferenceSession(exported)
    for count in (1, 7, 1000):
        digit, probabilities = session.run(None, {"pixels": np.zeros((count, 28, 28), np.uint8)})
        assert (digit.shape, probabilities.shape) == ((count,), (count, 10))


def test_file_is_valid_small_and_holds_the_training_parameters(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["digits.onnx"]  # no weights beside it
    assert exported.stat().st_size < 1_100_000  # 4 bytes for each of 235,146 weights, and 120 kB
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    checkpoint = read_checkpoint(PRETRAINED)
    assert json.loads(metadata["model"])["temperature"] == checkpoint["hyper_parameters"]["temperature"]
    assert json.loads(metadata["data"])["augment"] == checkpoint["datamodule_hyper_parameters"]["augment"]
    assert "test_accuracy" not in metadata


def test_metadata_hold_the_test_accuracy_and_no_path(
    converted, fake_mnist, tmp_path, classifier, monkeypatch
):
    checkpoint = read_checkpoint(PRETRAINED)
    checkpoint["datamodule_hyper_parameters"]["data_dir"] = "/home/somebody/data"
    monkeypatch.setattr(module, "read_checkpoint", lambda path: checkpoint)
    accuracy = export_classifier(PRETRAINED, tmp_path / "digits.onnx", fake_mnist)
    images, labels = load_mnist(fake_mnist, train=False)
    assert accuracy == pytest.approx(
        (PixelClassifier(classifier).eval()(images)[0] == labels).sum().item() / TEST
    )
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "digits.onnx").metadata_props}
    assert float(metadata["test_accuracy"]) == pytest.approx(accuracy, abs=1e-4)
    assert "somebody" not in str(metadata)


def test_trained_run_is_exported(fit, workplace, capsys, monkeypatch):
    monkeypatch.setattr(module, "GENERATED", 1000)
    cli = fit("--model.network.init_args.hidden=[16]")
    assert main(["--ckpt_path=best", "--output=small.onnx"]) == 0
    printed = capsys.readouterr().out
    session = onnxruntime.InferenceSession("small.onnx")
    images, labels = load_mnist("data", train=False)
    digit, _ = session.run(None, {"pixels": images.numpy()})
    assert f"MNIST's test images: {(digit == labels.numpy()).mean():.2%}" in printed
    weights = sum(parameter.numel() for parameter in cli.model.network.parameters())
    assert sum(np.prod(each.dims) for each in onnx.load("small.onnx").graph.initializer) >= weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: setattr(model, "temperature", model.temperature * 1.01), "probabilities are .* off"),
        (
            lambda model: model.network.layers[-1].bias.data.sub_(99 * torch.arange(10.0)),
            "other digits",
        ),
        (lambda model: model.network.layers[-1].bias.data.fill_(torch.nan), "other digits|off"),
    ],
)
def test_model_with_different_results_is_refused(exported, classifier, change, message):
    model = PixelClassifier(classifier).eval()
    check(exported.read_bytes(), model, generated_images(200))
    with torch.no_grad():
        change(classifier)
    with pytest.raises(ExportError, match=message):
        check(exported.read_bytes(), model, generated_images(200))


def test_old_file_is_kept_if_the_results_differ(converted, tmp_path, monkeypatch, capsys):
    path = tmp_path / "digits.onnx"
    path.write_text("old")
    monkeypatch.setattr(module, "TOLERANCE", -1)
    assert main([f"--output={path}", f"--data_dir={tmp_path}"]) == 1
    assert "no file is written" in capsys.readouterr().err
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("digits.onnx", "old")]


def test_ten_thousand_different_images_are_generated():
    images = generated_images(module.GENERATED)
    assert (images.shape, images.dtype) == ((10_000, 28, 28), torch.uint8)
    means = images.double().mean((1, 2))
    assert (means.min(), means.max()) == (0, 255)
    assert len(images.flatten(1).unique(dim=0)) > 9_900


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--ckpt_path=no.ckpt"], "There is no checkpoint no.ckpt"),
        (["--ckpt_path=best"], "no trained run in lightning_logs"),
        (["--output=no/digits.onnx"], "There is no folder no to write digits.onnx into."),
        (["--output=data"], "data cannot be written: Is a directory."),
    ],
)
def test_mistake_prints_one_sentence(args, message, converted, workplace, capsys):
    assert main(args) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("digitrec: ")
    assert error.count("\n") == 1


def test_missing_package_error_names_the_install_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r"onnxruntime is missing: pip install 'digitrec\[export\]'"):
        export_classifier(PRETRAINED, tmp_path / "digits.onnx")


def test_checkpoint_of_another_project_is_not_exported(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="not a checkpoint of digitrec"):
        export_classifier(tmp_path / "other.ckpt", tmp_path / "digits.onnx")
