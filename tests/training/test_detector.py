import math

import pytest
import torch

from digitrec.data.pages.targets import PageBatch
from digitrec.errors import CheckpointError
from digitrec.models.detector import Detection, DigitDetector
from digitrec.models.detector_weights import save_detector
from digitrec.training.detector import LOSSES, DetectorTraining, losses


@pytest.fixture(scope="module")
def batch() -> PageBatch:
    """One page with a digit of 12 by 12 pixels."""
    foreground = torch.zeros(1, 1, 32, 32)
    foreground[..., 10:22, 10:22] = 1
    owned = torch.nn.functional.max_pool2d(foreground, 2) * 12
    centers = torch.zeros(1, 1, 16, 16)
    centers[0, 0, 8, 8] = 1
    zeros = torch.zeros(1, 2, 16, 16)
    judged = torch.ones(1, 1, 32, 32, dtype=torch.bool)
    return PageBatch(
        foreground.byte(), foreground, judged, centers, zeros, zeros[:, :1], owned, (owned > 0).float()
    )


def answer(batch: PageBatch, sure: float = 12.0) -> Detection:
    return Detection(
        (batch.foreground * 2 - 1) * sure,
        (batch.centers * 2 - 1) * sure,
        batch.offsets.clone(),
        batch.sizes.clone(),
        (batch.kinds * 2 - 1) * sure,
    )


def test_loss_of_the_correct_maps_is_near_zero(batch):
    parts = losses(answer(batch), batch)
    assert tuple(parts) == LOSSES
    assert all(part < 0.01 for part in parts.values())


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_depends_on_its_own_map(batch, name):
    wrong = answer(batch)._replace(**{name: -answer(batch)._asdict()[name] + 1.0})
    right, parts = losses(answer(batch), batch), losses(wrong, batch)
    assert parts[name] > right[name] + 0.1
    assert all(parts[other] == right[other] for other in LOSSES if other != name)


def test_offset_loss_is_relative_to_the_size_and_only_on_digits(batch):
    found = answer(batch)
    found.offsets[:] = 12 / 16  # a whole size down and to the right, everywhere
    assert losses(found, batch)["offsets"] == pytest.approx(4)
    elsewhere = answer(batch)
    elsewhere.offsets[(batch.owned == 0).expand(-1, 2, -1, -1)] = 9
    assert losses(elsewhere, batch)["offsets"] == 0


def test_ignored_pixels_have_no_loss(batch):
    nothing = batch._replace(judged=torch.zeros_like(batch.judged))
    wrong = answer(batch)._replace(foreground=-answer(batch).foreground, centers=-answer(batch).centers)
    parts = losses(wrong, nothing)
    assert parts["foreground"] == pytest.approx(0, abs=1e-6)
    assert parts["centers"] == 0


def test_losses_of_an_empty_page_are_finite(batch):
    empty = PageBatch(
        *(torch.zeros_like(part) for part in batch[:2]),
        batch.judged,
        *(torch.zeros_like(p) for p in batch[3:8]),
    )
    assert all(math.isfinite(part) for part in losses(answer(empty), empty).values())


@pytest.mark.long
def test_loss_of_one_batch_falls_when_it_is_repeated(renderer):
    from digitrec.data.pages.targets import targets

    torch.manual_seed(0)
    batch = targets([renderer.scene(64, 64, 1, n, kind="single") for n in range(4)], with_items=True)
    training = DetectorTraining(DigitDetector(), torch.optim.AdamW)
    optimizer = torch.optim.AdamW(training.network.parameters(), 4e-3)
    start = math.inf
    for step in range(60):
        loss = torch.stack(list(losses(training(batch.pages), batch).values())).sum()
        start = min(start, float(loss.detach())) if step < 3 else start
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < start / 3


@pytest.fixture(scope="session")
def renderer():
    from digitrec.data.glyphs import Glyphs, drawn_digits, drawn_marks
    from digitrec.data.pages.layouts import Pool
    from digitrec.data.pages.marks.fonts import strips
    from digitrec.data.pages.scene import Renderer

    return Renderer(
        Pool(Glyphs.join([drawn_digits(140, 1), drawn_marks(60, 3)]), drawn=70), strips(20, seed=1)
    )


def test_start_from_loads_weights_and_refuses_those_of_another_network(tmp_path):
    given = DigitDetector()
    save_detector(given.half().float().state_dict(), tmp_path / "given.ckpt")
    start = str(tmp_path / "given.ckpt")
    training = DetectorTraining(DigitDetector(), torch.optim.AdamW, start_from=start)
    for name, value in given.named_parameters():
        assert torch.equal(training.network.get_parameter(name), value)
    with pytest.raises(CheckpointError, match=r"given\.ckpt don't fit the network"):
        DetectorTraining(DigitDetector((8, 8, 8, 8)), torch.optim.AdamW, start_from=start)
