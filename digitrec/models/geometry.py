"""Geometric transformations of batches of 28x28 images, deterministic and on any device."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.models.normalization import SIDE


def affine_maps(rotation: Tensor, scale: Tensor, shear: Tensor, shift: Tensor) -> Tensor:
    """Return the maps that scale a digit about the frame's center, then shear, rotate and shift it.

    Args:
        rotation: (batch,), radians, positive turns counter-clockwise as seen.
        scale: (batch, 2), factors of width and height.
        shear: (batch,), pixels sideways for each pixel of height, positive leans to the right.
        shift: (batch, 2), pixels to the right and down.

    Returns:
        (batch, 2, 3): from a pixel of the result back to its source, (x, y, 1) to (x, y), in pixels from the
        frame's center, y down. The inverse of what the digit undergoes, since it is the result's pixels that
        have to be looked up.
    """
    cos, sin = rotation.cos(), rotation.sin()
    unscaled = torch.stack([cos + shear * sin, shear * cos - sin, sin, cos], dim=1).view(-1, 2, 2)
    inverse = unscaled / scale.unsqueeze(2)
    return torch.cat([inverse, -inverse @ shift.unsqueeze(2)], dim=2)


def distort(images: Tensor, maps: Tensor, displacements: Tensor) -> Tensor:
    """Sample every pixel of the result from the images, bilinearly; beyond their edges is background, 0.

    Args:
        images: (batch, 28, 28), uint8 or floating point, of any range with the background at 0.
        maps: (batch, 2, 3), from affine_maps.
        displacements: (batch, 2, n, n), in pixels right and down, added to the mapped position at n by n
            control points and interpolated between them.

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
    """Return the (3 + control_points squared, 784) matrix from parameters to sampling positions."""
    centered = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(centered, centered, indexing="ij")
    affine = torch.stack([x, y, torch.ones_like(x)])
    # Bicubic passes through the control points, so that `elastic` is the displacement really met there (a
    # cubic B-spline would halve it), and is smooth between them (bilinear would put kinks into strokes).
    points = control_points**2
    unit = torch.eye(points).view(points, 1, control_points, control_points)
    field = F.interpolate(unit, size=(SIDE, SIDE), mode="bicubic", align_corners=True).squeeze(1)
    # To grid_sample with align_corners=False -1 and 1 are the frame's edges, half a frame from its center.
    return (torch.cat([affine, field]).flatten(1) / (SIDE / 2)).to(device)


def deskew(images: Tensor) -> Tensor:
    """Shear digits upright, and move their centers of mass to the frame's center.

    The slant is that of the regression of x on y, weighted by brightness, as LeCun et al. deskew digits,
    "Gradient-Based Learning Applied to Document Recognition" (1998).

    Args:
        images: floating point (batch, 28, 28), strokes brighter than the background, which is 0.

    Returns:
        Images of the same shape and dtype, sampled bilinearly; an image without a stroke stays as it is.
    """
    pixels = images.float()
    centered = torch.arange(SIDE, device=images.device) - (SIDE - 1) / 2
    rows = pixels.sum(2)
    mass = rows.sum(1).clamp(min=1e-6)
    x, y = pixels.sum(1) @ centered / mass, rows @ centered / mass
    down = centered - y.unsqueeze(1)
    sideways = pixels @ centered - x.unsqueeze(1) * rows  # moment of each row about the center of mass
    slant = (sideways * down).sum(1) / (rows * down.square()).sum(1).clamp(min=1e-6)
    lean = slant.clamp(-1, 1).unsqueeze(1) * centered + x.unsqueeze(1)  # of each row of the result
    sources = torch.stack(
        [
            (centered + lean.unsqueeze(2)).expand_as(pixels),
            (centered + y.unsqueeze(1)).unsqueeze(2).expand_as(pixels),
        ],
        dim=3,
    )
    grid = sources / (SIDE / 2)  # to grid_sample 1 is the frame's edge
    return F.grid_sample(pixels.unsqueeze(1), grid, align_corners=False).squeeze(1).to(images.dtype)


def change_stroke(pixels: Tensor, stroke: Tensor) -> Tensor:
    """Widen or narrow strokes.

    Args:
        pixels: float (batch, 28, 28), strokes brighter than the background.
        stroke: -1 to 1, of a shape that broadcasts: how far each pixel goes to the minimum (negative) or the
            maximum of the 3 by 3 pixels around it. 1 widens a stroke by a pixel on each side.
    """
    sign = torch.where(stroke < 0, -1.0, 1.0)  # the minimum is the maximum of the negative
    return pixels.lerp(_maximum_filter(pixels * sign) * sign, stroke.abs())


def _maximum_filter(pixels: Tensor) -> Tensor:
    """Return the maximum of the 3 by 3 pixels around each pixel, in a tenth of max_pool2d's time on a CPU."""
    # With a channel, since PyTorch pads no batch of none without one.
    padded = F.pad(pixels.unsqueeze(1), (1, 1, 1, 1), mode="replicate").squeeze(1)
    rows = torch.maximum(torch.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    return torch.maximum(torch.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])
