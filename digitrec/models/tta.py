"""Test-time augmentation: a prediction averaged over several variants of the same image."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.models.geometry import affine_maps, change_stroke
from digitrec.models.normalization import BACKGROUND, SIDE


class TTA:
    """Make variants of each image: the image itself and sixteen fixed distortions of it.

    The distortions are all combinations of a rotation, a shear, a change of width and a change of stroke
    width, each in one direction or the other; without a change of stroke they are eight. The
    log-probabilities of the variants are averaged, as in Krizhevsky et al., "ImageNet Classification with
    Deep Convolutional Neural Networks" (2012), who average over crops and reflections. Nothing here is
    trained.

    Args:
        rotation: angle of the rotation, in degrees.
        shear: slant, in pixels sideways for each pixel of height.
        width: change of the width, as a fraction below 1.
        stroke: change of the stroke width, 0 to 1, as in ``geometry.change_stroke``.

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
        self.rotation, self.shear, self.width = rotation, shear, width
        signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)))
        maps = affine_maps(
            rotation=signs[:, 0] * math.radians(rotation),
            scale=1 + signs[:, 2:] * torch.tensor([width, 0.0]),
            shear=signs[:, 1] * shear,
            shift=torch.zeros(len(signs), 2),
        )
        self._places = F.affine_grid(maps, [len(signs), 1, SIDE, SIDE], align_corners=False)
        self._stroke = stroke

    def __call__(self, images: Tensor) -> Tensor:
        """Return the variants (17 or 9, batch, 28, 28) of normalized images (batch, 28, 28).

        The first is the image itself. Eight with thinner strokes follow, then the same eight with wider ones;
        if ``stroke`` is 0, eight with the strokes as they are. Dtype and device are those of the images.
        """
        pixels = images - BACKGROUND  # grid_sample pads with 0
        # Not a module with a buffer: DDP would broadcast it at every step. The images are the channels, since
        # all of them are sampled at the same places.
        places = self._places.to(pixels)
        rotated = F.grid_sample(pixels.expand(len(places), *pixels.shape), places, align_corners=False)
        variants = [rotated]
        if self._stroke:
            variants = [
                change_stroke(rotated.flatten(0, 1), rotated.new_tensor(stroke)).view(rotated.shape)
                for stroke in (-self._stroke, self._stroke)
            ]
        return torch.cat([pixels.unsqueeze(0), *variants]) + BACKGROUND
