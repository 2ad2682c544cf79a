"""What the detector has to say of a batch of scenes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitrec.data.pages.canvas import Written
from digitrec.data.pages.scene import Scene
from digitrec.data.raster import Plane
from digitrec.models.detector import OFFSET_UNIT, SIZE_UNIT
from digitrec.models.pretrained import STRIDE


class PageBatch(NamedTuple):
    """Pages with their targets; see models.Detection for the maps.

    pages: uint8 (batch, 1, height, width).
    foreground: float (batch, 1, height, width), 0 to 1.
    judged: bool (batch, 1, height, width), where the foreground and the centers count.
    centers: float (batch, 1, h, w), 1 at the center of a digit or mark, falling off around it.
    offsets: float (batch, 2, h, w), and sizes: float (batch, 1, h, w), in the detector's units.
    owned: float (batch, 1, h, w), the size in pixels of what a cell belongs to; 0 where it is nothing's.
    kinds: float (batch, 1, h, w), 1 where a cell belongs to a digit, 0 where to another mark.
    items: of each page the digits and marks, for validation; empty while training.
    """

    pages: Tensor
    foreground: Tensor
    judged: Tensor
    centers: Tensor
    offsets: Tensor
    sizes: Tensor
    owned: Tensor
    kinds: Tensor
    items: tuple[tuple[Written, ...], ...] = ()


def targets(scenes: Sequence[Scene], with_items: bool = False) -> PageBatch:
    """Stack scenes of one shape, and make their maps."""
    maps = [_maps(scene) for scene in scenes]
    pages = np.stack([scene.picture for scene in scenes])[:, None]
    foreground = np.stack([scene.foreground for scene in scenes])[:, None]
    judged = np.stack([~scene.ignored | (scene.foreground > 0.05) for scene in scenes])[:, None]
    centers, offsets, sizes, owned, kinds = (
        torch.from_numpy(np.stack(each)) for each in zip(*maps, strict=True)
    )
    return PageBatch(
        torch.from_numpy(pages),
        torch.from_numpy(foreground),
        torch.from_numpy(judged),
        centers,
        offsets,
        sizes,
        owned,
        kinds,
        tuple(tuple(scene.items) for scene in scenes) if with_items else (),
    )


def _maps(scene: Scene) -> tuple[Plane, Plane, Plane, Plane, Plane]:
    """Return centers, offsets, sizes, owned and kinds of a scene."""
    rows, columns = (side // STRIDE for side in scene.picture.shape)
    offsets = np.zeros((2, rows, columns), np.float32)
    centers, sizes, owned, kinds = np.zeros((4, 1, rows, columns), np.float32)
    instances = scene.instances.reshape(rows, STRIDE, columns, STRIDE).max((1, 3))
    for number, item in enumerate(scene.items, 1):
        window, down, right = _window(item, rows, columns)
        if not down.size or not right.size:
            continue
        away = down**2 + right**2
        bump = np.exp(-away / np.float32(2 * (0.1 * item.size + 1) ** 2))
        np.maximum(centers[0][window], bump, out=centers[0][window])
        mine = instances[window] == number
        mine |= (bump > 0.6) & (instances[window] == 0)
        offsets[0][window][mine] = np.broadcast_to(down / OFFSET_UNIT, mine.shape)[mine]
        offsets[1][window][mine] = np.broadcast_to(right / OFFSET_UNIT, mine.shape)[mine]
        sizes[0][window][mine] = math.log(item.size / SIZE_UNIT)
        owned[0][window][mine] = item.size
        kinds[0][window][mine] = item.is_digit
    return centers, offsets, sizes, owned, kinds


def _window(
    item: Written, rows: int, columns: int
) -> tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.float32]]:
    """Return the cells near an item, and how far below and right of each of them its center is, in pixels."""
    margin = 6 + 0.25 * item.size
    left, top, right, bottom = item.box
    first_row, last_row = _cells(top - margin, bottom + margin, rows)
    first_column, last_column = _cells(left - margin, right + margin, columns)
    middle = STRIDE / 2  # of a cell, in pixels
    down = np.float32(item.y) - (np.arange(first_row, last_row, dtype=np.float32) * STRIDE + middle)
    across = np.float32(item.x) - (np.arange(first_column, last_column, dtype=np.float32) * STRIDE + middle)
    return np.s_[first_row:last_row, first_column:last_column], down[:, None], across[None]


def _cells(low: float, high: float, count: int) -> tuple[int, int]:
    first = min(max(0, math.floor(low / STRIDE)), count)
    return first, max(first, min(count, math.ceil(high / STRIDE)))
