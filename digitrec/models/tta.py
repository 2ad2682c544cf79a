"""Views: a digit looked at in several ways, so that an accident of its place or pen decides less."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.data.distortion import affine_maps, widened
from digitrec.models.normalization import GROUND, SIDE


class Views:
    """Gives each image as it is and distorted in sixteen ways, always the same.

    Rotation, slant, width and pen each go one way or the other, in all combinations. What a network says of
    the views is averaged: test-time augmentation, which Krizhevsky et al., "ImageNet Classification with Deep
    Convolutional Neural Networks" (2012), do with crops and reflections. Nothing here is trained or saved.

    Args:
        rotation: by which a view is turned, in degrees.
        shear: by which it is slanted, in pixels sideways for each pixel of height.
        width: by which it is made wider or narrower, as a fraction below 1.
        stroke: by which its strokes are made wider or narrower, 0 to 1, as augment.redraw has it.

    Raises:
        ValueError: a value is negative, or width or stroke too large.
    """

    def __init__(
        self, rotation: float = 8.0, shear: float = 0.12, width: float = 0.08, stroke: float = 0.4
    ) -> None:
        values = {"rotation": rotation, "shear": shear, "width": width, "stroke": stroke}
        for name, value in values.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, not {value}.")
        if width >= 1:
            raise ValueError(f"width is a fraction and must be below 1, not {width}.")
        if stroke > 1:
            raise ValueError(f"stroke must be at most 1, not {stroke}.")
        ways = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)))
        maps = affine_maps(
            rotation=ways[:, 0] * math.radians(rotation),
            scale=1 + ways[:, 2:] * torch.tensor([width, 0.0]),
            shear=ways[:, 1] * shear,
            shift=torch.zeros(len(ways), 2),
        )
        self._places = F.affine_grid(maps, [len(ways), 1, SIDE, SIDE], align_corners=False)
        self._stroke = stroke

    def __call__(self, images: Tensor) -> Tensor:
        """Return the views (17, batch, 28, 28) of normalized images (batch, 28, 28), first as they are.

        Eight ways with thinner strokes come next, then the same eight with wider ones. Dtype and device are
        those of the images.
        """
        pixels = images - GROUND  # what lies beyond an edge is 0
        # No buffer of a module: DDP would send it round at every step. The images are the channels, since all
        # of them are looked up at the same places.
        places = self._places.to(pixels)
        turned = F.grid_sample(pixels.expand(len(places), *pixels.shape), places, align_corners=False)
        drawn = [
            widened(turned.flatten(0, 1), turned.new_tensor(stroke)).view(turned.shape)
            for stroke in (-self._stroke, self._stroke)
        ]
        return torch.cat([pixels.unsqueeze(0), *drawn]) + GROUND
