"""Random distortion of a whole batch of digits at once, on whatever device it is: place, shape and pen.

For training only. A config names RandomDistortion, which draws; affine_maps, distort and redraw are
deterministic.
"""

import functools
import hashlib
import math

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 28  # as images.SIDE has it: this module knows no other room


class RandomDistortion:
    """Distorts each digit of a batch by parameters of its own.

    After Ciresan et al., "Deep, Big, Simple Neural Nets Excel on Handwritten Digit Recognition" (2010), who
    draw either a rotation or a shear where this draws both, and Simard et al., "Best Practices for
    Convolutional Neural Networks Applied to Visual Document Analysis" (2003), whose blurred random field is
    a few control points here.

    The random numbers come from a generator of its own. It is on the CPU, so that a seed gives the same
    distortions whatever device the images are on, and starts from the same state in every process: seed()
    chooses another.

    Args:
        rotation: Largest rotation either way, in degrees.
        scale: Largest change of the width, and independently of the height, as a fraction below 1.
        shear: Largest slant either way, in pixels sideways for each pixel of height.
        shift: Largest shift along each axis either way, in pixels.
        elastic: Standard deviation of a control point's displacement along each axis, in pixels.
        control_points: Control points a side of the elastic field, at least 2; the outer ones are on the
            outermost pixels.
        size: Largest change of width and height together, as a fraction below 1, besides scale.
        stroke: Largest change of the stroke's width, 0 to 1: 1 adds or takes a pixel on each side.
        blur: Largest share of a Gaussian blur with a standard deviation of one pixel, 0 to 1.
        ink: Largest change of the ink's brightness either way, as the logarithm of a factor.
        neighbours: Share of the digits, 0 to 1, that another digit of the batch reaches into from one side,
            as cropping leaves it.

    Raises:
        ValueError: A range is negative or not finite, one that is a share or a fraction is too large, or
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
        ink: float = 0.0,
        neighbours: float = 0.0,
    ) -> None:
        ranges = {"rotation": rotation, "scale": scale, "shear": shear, "shift": shift, "elastic": elastic}
        shares = {"stroke": stroke, "blur": blur, "neighbours": neighbours}
        for name, value in {**ranges, "size": size, **shares, "ink": ink}.items():
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
        self._limits = torch.tensor([math.radians(rotation), scale, scale, shear, shift, shift])
        self._elastic = elastic
        self._control_points = control_points
        self._size = size
        self._pen = torch.tensor([stroke, blur, ink])
        self._neighbours = neighbours
        self._generator = torch.Generator()

    def seed(self, *key: int) -> None:
        """Start the random numbers anew from any integers, such as seed, step and rank; takes microseconds.

        They are hashed: torch's CPU generator uses only the low 32 bits of a seed, so that numbers packed
        into one integer would be lost, and sums of them coincide.
        """
        digest = hashlib.blake2b(repr(key).encode(), digest_size=4).digest()
        self._generator.manual_seed(int.from_bytes(digest, "big"))

    def __call__(self, images: Tensor, strength: float = 1.0) -> Tensor:
        """Return the digits distorted, images and result as in distort and strength as in draw.

        How far the random numbers advance depends on the number of images and the arguments alone.
        """
        result = distort(images, *self.draw(len(images), strength))
        if self._neighbours:
            result = self._add_neighbours(result, strength)
        return redraw(result, *self.draw_pen(len(images), strength)) if self._pen.any() else result

    def draw(self, batch: int, strength: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return what distort takes for this many digits, on the CPU: maps and displacements.

        strength, 0 to 1, multiplies all ranges; ValueError outside.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be between 0 and 1, not {strength}.")
        points = self._control_points
        uniform = torch.rand(batch, 6, generator=self._generator) * 2 - 1
        normal = torch.randn(batch, 2, points, points, generator=self._generator)
        drawn = uniform * self._limits * strength
        scale = 1 + drawn[:, 1:3]
        if self._size:  # drawn last and only then: without it the other numbers are those of old runs
            scale = scale * (1 + self._uniform(batch, 1) * (self._size * strength))
        maps = affine_maps(rotation=drawn[:, 0], scale=scale, shear=drawn[:, 3], shift=drawn[:, 4:6])
        return maps, normal * (self._elastic * strength)

    def draw_pen(self, batch: int, strength: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """Return what redraw takes for this many digits, on the CPU: stroke, blur and ink."""
        stroke, blur, ink = (self._uniform(batch, 3) * self._pen * strength).unbind(1)
        return stroke, blur.abs(), ink.exp()

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator) * 2 - 1

    def _add_neighbours(self, images: Tensor, strength: float) -> Tensor:
        """Let the image before it in the batch reach into a digit from the left, right, top or bottom."""
        drawn = torch.rand(len(images), 4, generator=self._generator)
        chosen = (drawn[:, 0] < self._neighbours * strength).nonzero().squeeze(1)
        side, away, aside = drawn[chosen, 1:].unbind(1)
        angle = (side * 4).floor() * (math.pi / 2)
        away, aside = 16 + 6 * away, 8 * aside - 4  # pixels between the centres: a digit is 20 long
        direction = torch.stack([angle.cos(), angle.sin()], dim=1)
        shift = away.unsqueeze(1) * direction + aside.unsqueeze(1) * direction.flip(1)
        still = torch.zeros(len(chosen))
        maps = affine_maps(still, torch.ones(len(chosen), 2), still, shift)
        moved = distort(images[chosen - 1], maps, torch.zeros(len(chosen), 2, 2, 2))
        result = images.clone()
        result[chosen] = torch.maximum(images[chosen], moved)
        return result


def redraw(images: Tensor, stroke: Tensor, blur: Tensor, ink: Tensor) -> Tensor:
    """Change the pen: how wide its strokes are, how sharp, how bright.

    Args:
        images: as for distort.
        stroke: (batch,), -1 to 1: how far each pixel goes to the least (negative) or the greatest of the 3 by
            3 around it. 1 widens a stroke by a pixel on each side, -1 narrows it likewise.
        blur: (batch,), 0 to 1: how far each pixel goes to a Gaussian mean with a standard deviation of one.
        ink: (batch,), factors; nothing gets brighter than what was brightest in its image.

    Returns:
        Images of the same shape, dtype, range and device; computed in float32, for uint8 rounded.
    """
    pixels = images.float()
    stroke, blur, ink = (value.to(images.device).view(-1, 1, 1) for value in (stroke, blur, ink))
    pixels = widened(pixels, stroke)
    peak = pixels.amax(dim=(1, 2), keepdim=True)
    smoothing = _smoothing(images.device)
    result = torch.minimum(pixels.lerp(smoothing @ pixels @ smoothing, blur) * ink, peak)
    return result.to(images.dtype) if images.is_floating_point() else result.round_().to(images.dtype)


def widened(pixels: Tensor, stroke: Tensor) -> Tensor:
    """Widen or narrow strokes.

    Args:
        pixels: float (batch, 28, 28), ink brighter than ground.
        stroke: as for redraw, of a shape that broadcasts.
    """
    sign = torch.where(stroke < 0, -1.0, 1.0)  # the least is the greatest of the negative
    return pixels.lerp(_greatest(pixels * sign) * sign, stroke.abs())


def _greatest(pixels: Tensor) -> Tensor:
    """Return the greatest of the 3 by 3 around each pixel; a tenth of max_pool2d's time on a CPU."""
    # With a channel, since PyTorch pads no batch of none without one.
    padded = F.pad(pixels.unsqueeze(1), (1, 1, 1, 1), mode="replicate").squeeze(1)
    rows = torch.maximum(torch.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    return torch.maximum(torch.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])


@functools.lru_cache
def _smoothing(device: torch.device) -> Tensor:
    """Return (28, 28): from both sides a blur by binomial weights, whose standard deviation is one pixel."""
    weights = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    apart = torch.arange(SIDE).unsqueeze(1) - torch.arange(SIDE)
    return torch.where(apart.abs() <= 2, weights[apart.clamp(-2, 2) + 2], 0.0).to(device)


def affine_maps(rotation: Tensor, scale: Tensor, shear: Tensor, shift: Tensor) -> Tensor:
    """Return the maps that scale a digit about the frame's centre, then shear, rotate and shift it.

    Args:
        rotation: (batch,), radians, positive turns counter-clockwise as seen.
        scale: (batch, 2), factors of width and height.
        shear: (batch,), pixels sideways for each pixel of height, positive leans to the right.
        shift: (batch, 2), pixels to the right and down.

    Returns:
        (batch, 2, 3): from a pixel of the result back to its source, (x, y, 1) to (x, y), in pixels from the
        frame's centre, y down. The inverse of what the digit undergoes, since it is the result's pixels that
        have to be looked up.
    """
    cos, sin = rotation.cos(), rotation.sin()
    unscaled = torch.stack([cos + shear * sin, shear * cos - sin, sin, cos], dim=1).view(-1, 2, 2)
    inverse = unscaled / scale.unsqueeze(2)
    return torch.cat([inverse, -inverse @ shift.unsqueeze(2)], dim=2)


def distort(images: Tensor, maps: Tensor, displacements: Tensor) -> Tensor:
    """Look up every pixel of the result in the images, bilinearly; beyond their edges is background, 0.

    Args:
        images: (batch, 28, 28), uint8 or floating point, of any range with the background at 0.
        maps: (batch, 2, 3), from affine_maps.
        displacements: (batch, 2, n, n), how many pixels to the right and down of where the map leads each of
            n by n control points looks; between them it is interpolated.

    Returns:
        Images of the same shape, dtype, range and device; computed in float32, for uint8 rounded.

    Raises:
        ValueError: The images have another shape or dtype.
    """
    if images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"Images to distort must be (batch, {SIDE}, {SIDE}), not {tuple(images.shape)}.")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"Images to distort must be uint8 or floating point, not {images.dtype}.")
    # Both parts are linear in their parameters, so the sampling grid of the batch is one matrix product.
    parameters = torch.cat([maps, displacements.flatten(2)], dim=2).to(images.device)
    places = parameters @ _basis(displacements.shape[-1], images.device)
    grid = places.view(-1, 2, SIDE, SIDE).permute(0, 2, 3, 1)
    pixels = images.unsqueeze(1).float()
    result = F.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False).squeeze(1)
    return result.to(images.dtype) if images.is_floating_point() else result.round_().to(images.dtype)


@functools.lru_cache
def _basis(control_points: int, device: torch.device) -> Tensor:
    """Return (3 + control_points squared, 784): what a parameter adds to where a pixel looks."""
    centred = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(centred, centred, indexing="ij")
    affine = torch.stack([x, y, torch.ones_like(x)])
    # Bicubic passes through the control points, so that `elastic` is the displacement really met there (a
    # cubic B-spline would halve it), and is smooth between them (bilinear would put kinks into strokes).
    points = control_points**2
    unit = torch.eye(points).view(points, 1, control_points, control_points)
    field = F.interpolate(unit, size=(SIDE, SIDE), mode="bicubic", align_corners=True).squeeze(1)
    # To grid_sample with align_corners=False -1 and 1 are the frame's edges, half a frame from its centre.
    return (torch.cat([affine, field]).flatten(1) / (SIDE / 2)).to(device)
