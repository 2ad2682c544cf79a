"""Random distortion of batches of digits: position, shape and strokes. For training only."""

import functools
import math

import torch
from torch import Tensor

from digitrec.data.seeds import mix_seed
from digitrec.models.geometry import affine_maps, change_stroke, distort
from digitrec.models.normalization import SIDE


class RandomDistortion:
    """Distorts each digit of a batch with random parameters of its own.

    After Ciresan et al., "Deep, Big, Simple Neural Nets Excel on Handwritten Digit Recognition" (2010), who
    draw either a rotation or a shear where this draws both, and Simard et al., "Best Practices for
    Convolutional Neural Networks Applied to Visual Document Analysis" (2003), whose blurred random field is
    a few control points here.

    The random numbers come from a generator of its own. It is on the CPU, so that a seed gives the same
    distortions on every device, and starts from the same state in every process; ``seed`` changes it.

    Args:
        rotation: largest rotation either way, in degrees.
        scale: largest change of the width, and independently of the height, as a fraction below 1.
        shear: largest slant either way, in pixels sideways for each pixel of height.
        shift: largest shift along each axis either way, in pixels.
        elastic: standard deviation of a control point's displacement along each axis, in pixels.
        control_points: control points per side of the elastic field, at least 2; the outer ones are on the
            outermost pixels.
        size: largest change of width and height together, as a fraction below 1, besides scale.
        stroke: largest change of the stroke's width, 0 to 1: 1 adds or takes a pixel on each side.
        blur: largest share of a Gaussian blur with a standard deviation of one pixel, 0 to 1.
        brightness: largest change of the brightness of the strokes either way, as the logarithm of a factor.
        neighbors: share of the digits, 0 to 1, with a part of another digit at one side, as cropping
            leaves it.

    Raises:
        ValueError: a range is negative or not finite, one that is a share or a fraction is too large, or
            control_points is below 2.
    """

    def __init__(
        self,
        rotation: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        shift: float = 0.0,
        elastic: float = 0.0,
        control_points: int = 5,
        size: float = 0.0,
        stroke: float = 0.0,
        blur: float = 0.0,
        brightness: float = 0.0,
        neighbors: float = 0.0,
    ) -> None:
        ranges = {"rotation": rotation, "scale": scale, "shear": shear, "shift": shift, "elastic": elastic}
        shares = {"stroke": stroke, "blur": blur, "neighbors": neighbors}
        for name, value in {**ranges, "size": size, **shares, "brightness": brightness}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, not {value}.")
        for name, value in (("scale", scale), ("size", size)):
            if value >= 1:
                raise ValueError(f"{name} is a fraction and must be below 1, not {value}.")
        for name, value in shares.items():
            if value > 1:
                raise ValueError(f"{name} must be at most 1, not {value}.")
        if control_points < 2:
            raise ValueError(f"control_points must be at least 2, not {control_points}.")
        self.rotation, self.scale, self.shear, self.shift = rotation, scale, shear, shift
        self.stroke, self.blur, self.brightness = stroke, blur, brightness
        self._limits = torch.tensor([math.radians(rotation), scale, scale, shear, shift, shift])
        self._elastic = elastic
        self._control_points = control_points
        self._size = size
        self._pen = torch.tensor([stroke, blur, brightness])
        self._neighbors = neighbors
        self._generator = torch.Generator()

    def seed(self, *key: int) -> None:
        """Seed the random numbers with any integers, such as seed, step and rank."""
        self._generator.manual_seed(mix_seed(*key))

    def __call__(self, images: Tensor, strength: float = 1.0) -> Tensor:
        """Return distorted digits.

        Args:
            images: as for ``geometry.distort``.
            strength: 0 to 1, multiplies all ranges.
        """
        result = distort(images, *self.draw(len(images), strength))
        if self._neighbors:
            result = self._add_neighbors(result, strength)
        return redraw(result, *self.draw_pen(len(images), strength)) if self._pen.any() else result

    def draw(self, batch: int, strength: float = 1.0) -> tuple[Tensor, Tensor]:
        """Draw the maps and displacements for ``geometry.distort``, on the CPU.

        Raises:
            ValueError: strength is not 0 to 1.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be between 0 and 1, not {strength}.")
        points = self._control_points
        uniform = torch.rand(batch, 6, generator=self._generator) * 2 - 1
        normal = torch.randn(batch, 2, points, points, generator=self._generator)
        drawn = uniform * self._limits * strength
        scale = 1 + drawn[:, 1:3]
        if self._size:  # drawn last: without it the other random numbers stay the same
            scale = scale * (1 + self._uniform(batch, 1) * (self._size * strength))
        maps = affine_maps(rotation=drawn[:, 0], scale=scale, shear=drawn[:, 3], shift=drawn[:, 4:6])
        return maps, normal * (self._elastic * strength)

    def draw_pen(self, batch: int, strength: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the arguments of ``redraw`` for this many digits, on the CPU: stroke, blur and brightness."""
        stroke, blur, brightness = (self._uniform(batch, 3) * self._pen * strength).unbind(1)
        return stroke, blur.abs(), brightness.exp()

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator) * 2 - 1

    def _add_neighbors(self, images: Tensor, strength: float) -> Tensor:
        """Move the previous image of the batch into the frame from the left, right, top or bottom."""
        drawn = torch.rand(len(images), 4, generator=self._generator)
        chosen = (drawn[:, 0] < self._neighbors * strength).nonzero().squeeze(1)
        side, away, aside = drawn[chosen, 1:].unbind(1)
        angle = (side * 4).floor() * (math.pi / 2)
        away, aside = 16 + 6 * away, 8 * aside - 4  # pixels between the centers: a digit is 20 long
        direction = torch.stack([angle.cos(), angle.sin()], dim=1)
        shift = away.unsqueeze(1) * direction + aside.unsqueeze(1) * direction.flip(1)
        still = torch.zeros(len(chosen))
        maps = affine_maps(still, torch.ones(len(chosen), 2), still, shift)
        moved = distort(images[chosen - 1], maps, torch.zeros(len(chosen), 2, 2, 2))
        result = images.clone()
        result[chosen] = torch.maximum(images[chosen], moved)
        return result


def redraw(images: Tensor, stroke: Tensor, blur: Tensor, brightness: Tensor) -> Tensor:
    """Change the width, sharpness and brightness of the strokes.

    Args:
        images: as for distort.
        stroke: (batch,), -1 to 1, as in ``geometry.change_stroke``.
        blur: (batch,), 0 to 1: the weight of a Gaussian blur with a standard deviation of one pixel.
        brightness: (batch,), factors of the brightness; the maximum of an image is not exceeded.

    Returns:
        Images of the same shape, dtype, range and device; computed in float32, for uint8 rounded.
    """
    pixels = images.float()
    stroke, blur, brightness = (
        value.to(images.device).view(-1, 1, 1) for value in (stroke, blur, brightness)
    )
    pixels = change_stroke(pixels, stroke)
    peak = pixels.amax(dim=(1, 2), keepdim=True)
    smoothing = _smoothing(images.device)
    result = torch.minimum(pixels.lerp(smoothing @ pixels @ smoothing, blur) * brightness, peak)
    return result.to(images.dtype) if images.is_floating_point() else result.round_().to(images.dtype)


@functools.lru_cache
def _smoothing(device: torch.device) -> Tensor:
    """Return the (28, 28) matrix of a blur by binomial weights with a standard deviation of one pixel."""
    weights = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    apart = torch.arange(SIDE).unsqueeze(1) - torch.arange(SIDE)
    return torch.where(apart.abs() <= 2, weights[apart.clamp(-2, 2) + 2], 0.0).to(device)
