import pytest
import torch
from torch import nn

from digitrec.models.detector import DigitDetector, standardize
from digitrec.models.pretrained import STRIDE


@pytest.fixture(scope="module")
def network() -> DigitDetector:
    torch.manual_seed(0)
    detector = DigitDetector()
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return detector.eval()


def pages(height: int, width: int) -> torch.Tensor:
    return torch.randint(
        0, 256, (2, 1, height, width), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )


def test_number_of_weights_is_within_the_budget():
    count = sum(parameter.numel() for parameter in DigitDetector().parameters())
    assert 250_000 < count < 400_000


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 160), (52, 36)])
def test_maps_have_half_of_the_page_resolution(network, height, width):
    found = network(pages(height, width))
    half = height // STRIDE, width // STRIDE
    assert found.foreground.shape == (2, 1, height, width)
    assert found.offsets.shape == (2, 2, *half)
    assert found.centers.shape == found.sizes.shape == found.kinds.shape == (2, 1, *half)


def test_untrained_network_predicts_background():
    torch.manual_seed(0)
    found = DigitDetector().eval()(pages(64, 64))
    assert found.foreground.sigmoid().mean() < 0.2
    assert found.centers.sigmoid().mean() < 0.2


def test_fused_network_gives_the_same_maps(network):
    fused = network.fused()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    for ours, theirs in zip(network(pages(64, 80)), fused(pages(64, 80)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_standardized_page_hardly_depends_on_brightness_and_contrast(network):
    page = pages(64, 64).float()
    changed = page * 0.5 + 60
    difference = (standardize(page) - standardize(changed)).abs().max()
    assert difference < 0.25
    assert standardize(torch.full((1, 1, 8, 8), 200.0)).abs().max() == 0


def test_maps_do_not_depend_on_the_rest_of_the_batch(network):
    both = network(pages(64, 64))
    alone = network(pages(64, 64)[1:])
    torch.testing.assert_close(both.foreground[1:], alone.foreground, atol=1e-4, rtol=1e-4)


def test_every_weight_has_a_gradient():
    detector = DigitDetector()
    found = detector(pages(64, 64))
    sum(part.square().mean() for part in found).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in detector.parameters())
