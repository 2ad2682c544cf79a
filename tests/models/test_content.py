"""Checkpoint files that would take more memory than they have bytes, or hold what is no weight."""

import zipfile

import pytest
import torch

from digitrec.errors import CheckpointError
from digitrec.models.content import load_content
from digitrec.models.detector_weights import load_detector
from tests.checkpoint_files import write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


def rewritten(path, change=lambda name, content: content, **options):
    with zipfile.ZipFile(path) as archive:
        members = [(each.filename, archive.read(each)) for each in archive.infolist()]
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members:
            archive.writestr(name, change(name, content))
    return path


def test_compressed_checkpoint_is_refused_before_it_is_inflated(path, monkeypatch):
    rewritten(write(path), compression=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *args: pytest.fail("inflated"))
    with pytest.raises(
        CheckpointError, match=r"some\.ckpt is compressed, which no checkpoint of digitrec is"
    ):
        load_content(path)


def test_members_cannot_share_their_bytes(path):
    """One large member under many names: each of them would be read."""
    write(path)
    with zipfile.ZipFile(path, "a") as archive:
        largest = max(archive.infolist(), key=lambda each: each.file_size)
        archive.filelist += [largest] * 10
        archive._didModify = True
    with pytest.raises(CheckpointError, match=r"some\.ckpt is damaged"):
        load_content(path)


def test_tensors_are_stored_in_full(path):
    for huge in (
        torch.zeros(1).expand(1_000_000, 1_000_000),
        torch.zeros(1_000_000, 1_000_000, device="meta"),
    ):
        write(path, changes={"optimizer_states": [{"state": {0: {"exp_avg": huge}}}]})
        with pytest.raises(CheckpointError, match=r"A tensor in .*some\.ckpt is not stored in full"):
            load_content(path)


def test_weights_that_are_nan_are_refused_by_name(path):
    weights = torch.zeros(5)
    weights[3] = torch.nan
    write(path, changes={"state_dict": {"network.layers.1.bias": weights}})
    with pytest.raises(CheckpointError, match=r"The weights network\.layers\.1\.bias in .* are NaN"):
        load_content(path)
    with pytest.raises(CheckpointError, match="are NaN"):
        load_detector(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"callbacks": 7},
        {"callbacks": None},
        {"loops": []},
        {"epoch": "3"},
        {"pytorch-lightning_version": None},
        {"state_dict": {1: torch.zeros(1)}},
        {"state_dict": {"weight": 1.0}},
    ],
    ids=str,
)
def test_parts_of_a_wrong_type_are_refused(changes, path):
    with pytest.raises(CheckpointError, match=r"some\.ckpt is not a checkpoint of digitrec"):
        load_content(write(path, changes=changes))
