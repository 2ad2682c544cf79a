"""Checkpoints and predictions are written atomically, also when the disk is full."""

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
from digitrec.training.classifier import DigitClassifier
from digitrec.training.runs.checkpoint_io import AtomicCheckpointIO

FOLDER = Path("lightning_logs/version_0/checkpoints")
LAST = FOLDER / "last.ckpt"


def test_checkpoint_is_not_written_to_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "on another disk"))
    path = tmp_path / "new" / "some.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weight": torch.arange(3)}, path)
    assert AtomicCheckpointIO().load_checkpoint(path)["weight"].tolist() == [0, 1, 2]


@contextmanager
def limited_file_size():
    """Return a function that limits files to 100 kB, as a full disk does; a checkpoint has 1.3 MB.

    The limit ends with the context, since pytest may write its own output to a longer file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda most=100_000: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_prints_one_sentence_and_keeps_the_old_checkpoint(fit, workplace, monkeypatch, capsys):
    fit()
    step, before = DigitClassifier.training_step, LAST.read_bytes()
    config = f"--config={FOLDER.parent}/config.yaml"
    with limited_file_size() as limit:

        def fill_the_disk(self, *args):
            if self.trainer.current_epoch == 1:
                limit()
            return step(self, *args)

        monkeypatch.setattr(DigitClassifier, "training_step", fill_the_disk)
        assert main(["fit", config, "--ckpt_path=last", "--trainer.max_epochs=3"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.endswith(".ckpt cannot be written: File too large. The earlier one is unchanged.")
    assert LAST.read_bytes() == before
    assert sorted(path.name for path in FOLDER.iterdir()) == ["best.ckpt", "last.ckpt"]
    read_checkpoint(FOLDER / "best.ckpt")


def test_full_disk_error_without_an_earlier_checkpoint(tmp_path):
    weights = {"weights": torch.zeros(100_000)}
    with limited_file_size() as limit:
        limit()
        with pytest.raises(CheckpointError, match=r"some\.ckpt cannot be written: File too large\.$"):
            AtomicCheckpointIO().save_checkpoint(weights, tmp_path / "some.ckpt")


def test_predict_on_a_full_disk_prints_one_sentence_and_leaves_no_file(fit, monkeypatch, capsys):
    fit()
    written = PredictionsWriter.write_on_batch_end
    with limited_file_size() as limit:

        def fill_the_disk(self, *args, **kwargs):
            limit(5_000)
            written(self, *args, **kwargs)

        monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", fill_the_disk)
        assert main(["predict"]) == 1
    path = Path("lightning_logs/predict/version_0/predictions.csv")
    assert capsys.readouterr().err.splitlines()[-1] == f"digitrec: {path}: File too large"
    assert list(path.parent.glob("predictions*")) == []


def test_fit_writes_atomically_unless_the_user_sets_a_plugin(fit):
    assert type(fit().trainer.strategy.checkpoint_io) is AtomicCheckpointIO
    own = fit("--trainer.plugins=lightning.pytorch.plugins.io.AsyncCheckpointIO")
    assert not isinstance(own.trainer.strategy.checkpoint_io, AtomicCheckpointIO | TorchCheckpointIO)
