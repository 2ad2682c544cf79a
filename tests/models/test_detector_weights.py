import errno

import pytest
import torch

from digitrec.errors import CheckpointError
from digitrec.models.detector import DigitDetector
from digitrec.models.detector_weights import load_detector, network_weights, save_detector


@pytest.fixture(scope="module")
def network() -> DigitDetector:
    torch.manual_seed(0)
    return DigitDetector().eval()


def test_saved_weights_are_float16_and_give_the_same_maps(network, tmp_path):
    path = tmp_path / "detector.ckpt"
    save_detector(network.state_dict(), path)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert path.stat().st_size < 2 * count + 60_000
    pages = torch.randint(0, 256, (1, 1, 64, 64), generator=torch.Generator().manual_seed(1))
    for ours, theirs in zip(network(pages), load_detector(path)(pages), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0.02)


def test_training_checkpoint_can_be_loaded(network, tmp_path):
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state | {"metrics.x": torch.zeros(1)}, "epoch": 3}, tmp_path / "best.ckpt")
    weights = network_weights(tmp_path / "best.ckpt")
    assert weights.keys() == network.state_dict().keys()
    load_detector(tmp_path / "best.ckpt")


def test_file_without_a_detector_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        load_detector(tmp_path / "none.ckpt")
    (tmp_path / "text.ckpt").write_text("no weights")
    with pytest.raises(CheckpointError, match="no checkpoint at all"):
        load_detector(tmp_path / "text.ckpt")
    torch.save({"state_dict": {"network.layer": torch.zeros(2)}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="not those of a detector"):
        load_detector(tmp_path / "other.ckpt")


def test_failed_write_keeps_the_earlier_file(network, tmp_path, monkeypatch):
    path = tmp_path / "detector.ckpt"
    path.write_text("earlier")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_detector(network.state_dict(), path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("detector.ckpt", "earlier")]
