"""Checkpoint files that would take more memory than they have bytes, or hold what is no weight."""

import struct
import zipfile
from collections import Counter, OrderedDict

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


def two_archives(hidden, shown):
    """A file in which Python finds the members of one archive, and a reader that trusts the offsets another.

    The end of the file says where the directory starts; Python takes what is just before the end.
    """
    start = hidden.rindex(b"PK\5\6")
    body = hidden[:start]
    (offset,) = struct.unpack("<I", hidden[start + 16 : start + 20])
    end = shown.rindex(b"PK\5\6")
    (directory,) = struct.unpack("<I", shown[end + 16 : end + 20])
    moved = len(body) - (len(body) + directory - offset)  # Python adds what the offsets seem to be wrong by
    entries = bytearray(shown[directory:end])
    place = 0
    while place < len(entries):
        lengths = struct.unpack("<HHH", entries[place + 28 : place + 34])
        (at,) = struct.unpack("<I", entries[place + 42 : place + 46])
        entries[place + 42 : place + 46] = struct.pack("<I", at + moved)
        place += 46 + sum(lengths)
    last = shown[end : end + 16] + struct.pack("<I", offset) + shown[end + 20 :]
    return body + shown[:directory] + bytes(entries) + last


def test_pytorch_gets_the_members_that_were_checked(path):
    """Its reader finds the compressed ones at the same place, and would inflate them."""
    torch.save({"state_dict": {"weight": torch.zeros(1_000_000)}}, path)
    hidden = rewritten(path, compression=zipfile.ZIP_DEFLATED).read_bytes()
    shown = rewritten(path, lambda name, content: b"x").read_bytes()
    path.write_bytes(two_archives(hidden, shown))
    assert len(torch.load(path, weights_only=True)["state_dict"]["weight"]) == 1_000_000
    with zipfile.ZipFile(path) as archive:
        assert {archive.read(member) for member in archive.infolist()} == {b"x"}
    with pytest.raises(CheckpointError, match=r"some\.ckpt is damaged"):
        load_content(path)


class Call:
    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize(
    "call",
    [Call(bytearray, 10**12), Call(torch.Tensor, 10**12), Call(torch.UntypedStorage, 10**12)],
    ids=["bytearray", "Tensor", "storage"],
)
def test_pickle_that_asks_for_memory_is_refused(call, path):
    """PyTorch allows these calls with weights_only."""
    write(path, changes={"more": call})
    with pytest.raises(CheckpointError, match="holds Python objects, so it is not loaded"):
        load_content(path)


def test_what_lightning_saves_is_loaded(path):
    values = {"counter": Counter([3, 3]), "ordered": OrderedDict(a=1), "size": torch.Size([3]), "set": {4}}
    values |= {
        "type": torch.bfloat16,
        "half": torch.zeros(2).half(),
        "weight": torch.nn.Parameter(torch.ones(2)),
    }
    loaded = load_content(write(path, changes={"callbacks": values}))["callbacks"]
    assert loaded.pop("half").dtype == values.pop("half").dtype
    assert torch.equal(loaded.pop("weight"), values.pop("weight"))
    assert loaded == values


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
