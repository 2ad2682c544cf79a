"""DigitDetector: a network that says where on a page digits and other marks are written."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from digitrec.models.pretrained import STRIDE

OFFSET_UNIT = 16.0
"""Pixels of an offset of 1."""

SIZE_UNIT = 32.0
"""Pixels of a size whose logarithm is 0."""

MOST_SIZE = 3.0
"""A logarithm of a size beyond this is taken for it: 1.6 to 643 pixels."""


class Detection(NamedTuple):
    """What the detector says of gray pages (batch, 1, height, width); maps have half of each side.

    foreground: (batch, 1, height, width), logits of what is written, drawn with MNIST's pen.
    centers: (batch, 1, h, w), logits of the center of a digit or of another written mark.
    offsets: (batch, 2, h, w), down and right to the center that a cell belongs to, in OFFSET_UNIT.
    sizes: (batch, 1, h, w), logarithm of the size of what it belongs to, in SIZE_UNIT.
    kinds: (batch, 1, h, w), logits of belonging to a digit and not to another mark.
    """

    foreground: Tensor
    centers: Tensor
    offsets: Tensor
    sizes: Tensor
    kinds: Tensor

    def in_pixels(self) -> "Detection":
        """Return the same maps with probabilities in place of logits, and offsets and sizes in pixels."""
        return Detection(
            self.foreground.sigmoid(),
            self.centers.sigmoid(),
            self.offsets * OFFSET_UNIT,
            self.sizes.clamp(-MOST_SIZE, MOST_SIZE).exp() * SIZE_UNIT,
            self.kinds.sigmoid(),
        )


def standardize(pages: Tensor) -> Tensor:
    """Give gray pages (batch, 1, height, width), 0 to 255, the mean 0 and, with contrast, the spread 1."""
    gray = pages.float()
    mean = gray.mean((2, 3), keepdim=True)
    return (gray - mean) / (gray.std((2, 3), keepdim=True) + 8)


class DigitDetector(nn.Module):
    """A small U-Net that votes for centers.

    After Ronneberger et al., "U-Net" (2015), and Cheng et al., "Panoptic-DeepLab" (2020): each foreground
    pixel says where the center of its digit is, so that broken strokes are joined and touching digits are
    told apart. All maps are at half of the page's resolution; the foreground is brought back to the whole.

    Args:
        channels: of the four resolutions, from a half to a sixteenth.
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 48, 72)) -> None:
        super().__init__()
        self.channels = tuple(channels)
        first, second, third, fourth = channels
        self.stem = _conv(1, first, 5, stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(
                _conv(before, after, 3, stride=2), *(_Residual(after, dilation) for dilation in dilations)
            )
            for before, after, dilations in (
                (first, second, (1,)),
                (second, third, (1,)),
                (third, fourth, (1, 2)),
            )
        )
        self.up = nn.ModuleList(
            nn.Conv2d(after, before, 1)
            for after, before in ((fourth, third), (third, second), (second, first))
        )
        self.merge = nn.ModuleList([_Residual(third), _Residual(second), _conv(first, first, 3)])
        self.head = nn.Conv2d(first, STRIDE**2 + 4, 3, padding=1)
        self.kinds = nn.Conv2d(
            second, 1, 3, padding=1
        )  # at a quarter: it needs more to go by than the others
        with torch.no_grad():  # most of a page is background
            bias = torch.zeros(STRIDE**2 + 4)
            bias[: STRIDE**2 + 1] = -2.5
            self.head.bias.copy_(bias)  # type: ignore[union-attr]

    def forward(self, pages: Tensor) -> Detection:
        """Find what is written on gray pages (batch, 1, height, width), 0 to 255, with even sides."""
        features = [self.stem(standardize(pages).contiguous(memory_format=torch.channels_last))]
        for down in self.down:
            features.append(down(features[-1]))
        merged = features.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            coarse, merged = merged, _resized(up(merged), features[-1])
            merged = merge(merged.add_(features.pop()))  # in place: the finest features are large
        foreground, centers, offsets, sizes = self.head(merged).split([STRIDE**2, 1, 2, 1], dim=1)
        kinds = _resized(self.kinds(coarse), merged)
        return Detection(F.pixel_shuffle(foreground, STRIDE), centers, offsets, sizes, kinds)

    def fused(self) -> "DigitDetector":
        """Return a copy in evaluation mode whose normalizations are part of its convolutions."""
        result = copy.deepcopy(self).eval()
        for module in list(result.modules()):
            if isinstance(module, _Residual):
                module.fuse()
            elif isinstance(module, nn.Sequential):
                conv, norm = module[0], module[1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[0], module[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
        return result.to(memory_format=torch.channels_last)


def _resized(features: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(features, size=like.shape[2:], mode="bilinear", align_corners=False)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two convolutions beside the identity (He et al., "Deep Residual Learning", 2016)."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.first_norm: nn.Module = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.second_norm: nn.Module = nn.BatchNorm2d(channels)

    def fuse(self) -> None:
        """Make the normalizations part of the convolutions; in evaluation mode only."""
        if isinstance(self.first_norm, nn.BatchNorm2d):
            self.first, self.first_norm = fuse_conv_bn_eval(self.first, self.first_norm), nn.Identity()
        if isinstance(self.second_norm, nn.BatchNorm2d):
            self.second, self.second_norm = fuse_conv_bn_eval(self.second, self.second_norm), nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        inner = F.relu(self.first_norm(self.first(features)), inplace=True)
        return F.relu(features + self.second_norm(self.second(inner)), inplace=True)
