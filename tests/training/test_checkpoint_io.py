"""Checkpoints and predictions are written whole, also when the disk is full."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from digitrec.cli import main
from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.checkpoint_io import AtomicCheckpointIO
from digitrec.training.classifier import DigitClassifier

FOLDER = Path("lightning_logs/version_0/checkpoints")
LAST = FOLDER / "last.ckpt"


def test_nothing_is_written_into_the_folder_of_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "on another disk"))
    path = tmp_path / "new" / "some.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weight": torch.arange(3)}, path)
    assert AtomicCheckpointIO().load_checkpoint(path)["weight"].tolist() == [0, 1, 2]


@contextmanager
def small_files():
    """Gives what lets no file grow past 100 kB, as on a disk that is full; a checkpoint has 1.3 MB.

    Only inside, or pytest could not write its own output where that goes to a longer file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda most=100_000: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_sentence_and_the_checkpoint_before_stays(fit, workplace, monkeypatch, capsys):
    fit()
    step, before = DigitClassifier.training_step, LAST.read_bytes()
    config = f"--config={FOLDER.parent}/config.yaml"
    with small_files() as fill:

        def fill_the_disk(self, *args):
            if self.trainer.current_epoch == 1:
                fill()
            return step(self, *args)

        monkeypatch.setattr(DigitClassifier, "training_step", fill_the_disk)
        assert main(["fit", config, "--ckpt_path=last", "--trainer.max_epochs=3"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(".ckpt cannot be written: File too large. The earlier one is unchanged.")
    assert LAST.read_bytes() == before
    assert sorted(path.name for path in FOLDER.iterdir()) == ["best.ckpt", "last.ckpt"]
    read_checkpoint(FOLDER / "best.ckpt")


def test_a_disk_that_is_full_from_the_start_leaves_no_checkpoint_to_promise(tmp_path):
    weights = {"weights": torch.zeros(100_000)}
    with small_files() as fill:
        fill()
        with pytest.raises(CheckpointError, match=r"some\.ckpt cannot be written: File too large\.$"):
            AtomicCheckpointIO().save_checkpoint(weights, tmp_path / "some.ckpt")


def test_predictions_on_a_full_disk_are_one_sentence_and_no_file(fit, monkeypatch, capsys):
    fit()
    written = PredictionsWriter.write_on_batch_end
    with small_files() as fill:

        def fill_the_disk(self, *args, **kwargs):
            fill(5_000)
            written(self, *args, **kwargs)

        monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", fill_the_disk)
        assert main(["predict"]) == 1
    path = Path("lightning_logs/version_1/predictions.csv")
    assert capsys.readouterr().err.splitlines()[-1] == f"digitrec: {path}: File too large"
    assert list(path.parent.glob("predictions*")) == []


def test_fit_writes_atomically_and_a_plugin_of_the_users_stays(fit):
    assert type(fit().trainer.strategy.checkpoint_io) is AtomicCheckpointIO
    own = fit("--trainer.plugins=lightning.pytorch.plugins.io.AsyncCheckpointIO")
    assert not isinstance(own.trainer.strategy.checkpoint_io, AtomicCheckpointIO | TorchCheckpointIO)
