import pytest
import torch
from torch import nn

from digitrec.models.geometry import affine_maps, distort
from digitrec.models.mlp import MLP
from digitrec.models.normalization import normalize
from scripts.lib.strokes import stroke_digits


def test_the_default_is_the_published_network():
    linear = [layer for layer in MLP().layers if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(784, 128), (128, 64), (64, 10)]
    assert sum(parameter.numel() for parameter in MLP().parameters()) == 109_386


@pytest.mark.parametrize("hidden", [(), (7,), (5, 4, 3)])
def test_any_widths_give_log_probabilities(hidden):
    torch.manual_seed(0)
    output = MLP(hidden)(torch.randn(6, 28, 28))
    assert output.shape == (6, 10)
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(6))


def test_hidden_layers_are_rectified():
    network = MLP((4,))
    with torch.no_grad():
        network.layers[1].bias.fill_(-1e6)  # all hidden units off: the input no longer matters
    output = network(torch.randn(3, 28, 28))
    assert torch.equal(output[0], output[1])
    torch.testing.assert_close(output[0], network.layers[3].bias.log_softmax(dim=0))


def test_width_below_one_is_refused():
    with pytest.raises(ValueError, match=r"hidden .*\(128, 0\)"):
        MLP((128, 0))


def test_probabilities_are_float32_under_bfloat16_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = MLP()(torch.randn(4, 28, 28))
    assert output.dtype == torch.float32
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(4))


def test_deskewed_network_sees_slanted_digits_upright():
    torch.manual_seed(0)
    digits = torch.from_numpy(stroke_digits()).float()
    maps = affine_maps(torch.zeros(10), torch.ones(10, 2), torch.full((10,), 0.2), torch.ones(10, 2))
    slanted = distort(digits, maps, torch.zeros(10, 2, 2, 2))
    network = MLP(deskew=True).eval()
    same, other = network(normalize(digits)), network(normalize(slanted))
    plain = MLP()
    plain.load_state_dict(network.state_dict())  # the same weights, whether it deskews or not
    apart = (plain(normalize(digits)) - plain(normalize(slanted))).abs().mean()
    assert (same - other).abs().mean() < 0.2 * apart
