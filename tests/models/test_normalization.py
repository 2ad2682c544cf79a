import numpy as np
import torch
from torchvision import transforms

from digitrec.models.normalization import normalize


def test_normalize_equals_torchvisions_transform():
    pixels = torch.arange(0, 256, dtype=torch.uint8).repeat(4)[: 28 * 28].view(1, 28, 28)
    published = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    torch.testing.assert_close(normalize(pixels), published(np.asarray(pixels[0])), rtol=1e-5, atol=1e-5)


def test_normalize_accepts_uint8_and_float_without_changing_them():
    pixels = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    floats = pixels.float()
    assert torch.equal(normalize(pixels), normalize(floats))
    assert torch.equal(floats, pixels.float())
    assert normalize(pixels).dtype == torch.float32
