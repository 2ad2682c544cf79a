"""People's own digits beside MNIST: how they are labelled, what is refused, and fine-tuning on 50 of them."""

import io
from zipfile import ZipFile

import pytest
import torch
import yaml
from PIL import Image

from digitrec.cli import DigitCLI
from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.labelled import label_of, labelled_digits
from digitrec.errors import CheckpointError, PictureError
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from scripts.lib.strokes import stroke_digits
from tests.conftest import ROOT


def write_digits(folder, count):
    """Pictures of drawn digits in folders 0 to 9, as the page's zip archive has them."""
    drawn = stroke_digits()
    for number in range(count):
        path = folder / str(number % 10) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn[number % 10]).save(path)
    return folder


@pytest.fixture
def own(tmp_path):
    return write_digits(tmp_path / "own digits.v2", 50)


def test_labels_are_of_the_folder_or_else_of_the_name(tmp_path):
    names = {"3/9.png": 3, "digits/9.png": 9, "10/7_blue.jpg": 7}
    assert {name: label_of(tmp_path / name) for name in names} == names
    for name in ("x.png", "20261130_1.jpg"):  # as a camera names it
        with pytest.raises(PictureError, match=rf"{name} has no label: put it into a folder 0 to 9"):
            label_of(tmp_path / name)


def test_pictures_are_seen_as_the_reader_sees_them(own):
    images, labels = labelled_digits(own)
    assert (images.shape, images.dtype) == ((50, 28, 28), torch.uint8)
    assert labels.tolist() == [digit for digit in range(10) for _ in range(5)]
    Image.new("L", (40, 40), 255).save(own / "7" / "empty.png")
    assert len(labelled_digits(own)[0]) == 50


@pytest.mark.parametrize("content", ["nothing", "no folder", "empty picture"])
def test_folder_without_digits_is_refused(content, tmp_path):
    folder = tmp_path / "own"
    if content != "no folder":
        folder.mkdir()
    if content == "empty picture":
        Image.new("L", (40, 40), 255).save(folder / "1.png")
    reasons = {"nothing": "no picture", "no folder": "no folder", "empty picture": "no digit is found"}
    with pytest.raises(PictureError, match=reasons[content]):
        labelled_digits(folder)


def test_they_are_added_at_the_end_of_the_training_set_only(fake_mnist, own):
    without = MNISTDataModule(str(fake_mnist), val_size=50)
    with_own = MNISTDataModule(str(fake_mnist), val_size=50, extra_dir=str(own), extra_repeats=3)
    for module in (without, with_own):
        module.setup("fit")
    assert len(with_own.train_set) == len(without.train_set) + 150
    assert torch.equal(with_own.train_set.images[:350], without.train_set.images)
    assert torch.equal(with_own.train_set.images[350:400], labelled_digits(own)[0])
    assert torch.equal(with_own.val_set.images, without.val_set.images)


def test_bad_folder_of_fit_is_named(fit):
    with pytest.raises(PictureError, match=r"data\.extra_dir: there is no folder nowhere\."):
        fit("--data.extra_dir=nowhere")


def weights(folder, name="last"):
    return read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")["state_dict"]


def test_fine_tuning_on_50_digits_starts_from_the_pretrained_weights_and_resumes_exactly(
    workplace, own, monkeypatch
):
    small = [
        "--data.val_size=50",
        "--data.synthetic=null",
        "--data.outliers=null",
        "--data.outlier_share=0",
        "--data.extra_repeats=4",
        "--trainer.log_every_n_steps=1",
        "--model.scheduler=null",
    ]
    command = ["fit", f"--config={ROOT}/configs/finetune.yaml", f"--data.extra_dir={own}", *small]
    whole = DigitCLI([*command, "--trainer.max_epochs=2"])
    assert whole.trainer.global_step == 2 * 5  # 350 images of the fake MNIST and 200 own ones
    folder = workplace / whole.trainer.log_dir
    first, tuned = load_classifier(PRETRAINED), load_classifier(folder / "checkpoints" / "last.ckpt")
    change = [
        (one - other).abs().max() for one, other in zip(first.parameters(), tuned.parameters(), strict=True)
    ]
    assert 0 < max(change) < 0.1
    images, labels = labelled_digits(own)
    assert (tuned.probabilities(images).argmax(1) == labels).all()
    DigitCLI([*command, "--trainer.max_epochs=1"])
    monkeypatch.setattr("digitrec.training.classifier._copy_weights", None)  # the file may be gone
    resumed = DigitCLI([*command, "--trainer.max_epochs=2", "--ckpt_path=last"])
    assert "start_from: pretrained" in (workplace / resumed.trainer.log_dir / "config.yaml").read_text()
    again = weights(workplace / resumed.trainer.log_dir)
    assert all(torch.equal(again[name], value) for name, value in weights(folder).items())


def test_config_has_the_network_and_the_calibration_of_the_pretrained_weights():
    model = yaml.safe_load((ROOT / "configs" / "finetune.yaml").read_text())["model"]
    known = read_checkpoint(PRETRAINED)["hyper_parameters"]
    for name in ("temperature", "threshold"):
        assert model[name] == known[name]
    assert model["network"]["init_args"]["hidden"] == known["network"]["init_args"]["hidden"]


def test_weights_of_another_network_are_refused(workplace):
    with pytest.raises(CheckpointError, match="are not those of this network"):
        DigitCLI(["fit", f"--config={ROOT}/configs/finetune.yaml", "--model.network.init_args.hidden=[16]"])


def test_the_archive_of_the_page_can_be_unpacked_and_trained_on(tmp_path):
    """The page writes digits/LABEL/NUMBER.png; tests/web/test_labels.py downloads one."""
    archive = io.BytesIO()
    with ZipFile(archive, "w") as file:
        for path in write_digits(tmp_path / "digits", 10).rglob("*.png"):
            file.write(path, path.relative_to(tmp_path))
    ZipFile(archive).extractall(tmp_path / "unpacked")
    assert labelled_digits(tmp_path / "unpacked" / "digits")[1].tolist() == list(range(10))
