"""Pieces of ink: put together into digits, and set in lines."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitrec.reading.segmentation.masks import SHADE_DISC, SHADE_LEVEL, Mask, holds_disc, pieces

LEAST_SIZE = 4
"""Pixels of a page that a piece of ink has at least in one direction."""

LEAST_DARKEST = 0.22
"""The contrast of the darkest piece on a page that is not empty; pencil has 0.3 at least."""

SAME_PEN = 0.36
"""Of the darkest piece's contrast a piece of the same pen has more than this share."""

_Edges = NDArray[np.int64]  # (n, 4): top, left, bottom, right


@dataclass(frozen=True, eq=False)
class Part:
    """Ink that is one digit, or a part of one: where it is on the page, and its pixels there.

    pieces: where it may be several digits, these; else empty.
    """

    top: int
    left: int
    mask: Mask
    pieces: tuple["Part", ...] = ()

    @property
    def bottom(self) -> int:
        """The row after the last."""
        return self.top + int(self.mask.shape[0])

    @property
    def right(self) -> int:
        """The column after the last."""
        return self.left + int(self.mask.shape[1])

    @property
    def size(self) -> int:
        """The longest side in pixels."""
        return max(map(int, self.mask.shape))

    @property
    def where(self) -> tuple[slice, slice]:
        """Its rows and columns on the page."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def find_parts(mask: Mask, contrast: NDArray[np.float32]) -> list[Part]:
    """Find what may each be a digit: the connected pieces of ink put together, without specks.

    Args:
        mask: bool (height, width), ink.
        contrast: float32 of the same shape, 0 ground to 1 ink.
    """
    parts = _with_doubts(_joined(_connected(mask, contrast)))
    return [part for part in parts if part.mask.shape[0] > 0.2 * part.mask.shape[1]]  # no digit lies flat


def _with_doubts(parts: list[Part]) -> list[Part]:
    """Put a piece that is small or flat for a digit to its neighbour; both are what it may be instead.

    A bar may be far from its 5, a stroke broken wide open; as near lie two digits of which one is small.
    """
    scale = _scale(parts)
    edges = _edges(parts)
    odd = (_sizes(edges) < 0.7 * scale) | (edges[:, 2] - edges[:, 0] < 0.45 * scale)
    left: dict[int, Part] = dict(enumerate(parts))
    for piece in map(int, np.flatnonzero(odd)):
        others = [number for number in left if number != piece and not left[number].pieces]
        if piece not in left or left[piece].pieces or not others:
            continue
        gaps = np.maximum(*_gaps(edges[piece], edges[others]))
        nearest = others[int(np.argmin(gaps))]
        whole = _union([parts[piece], parts[nearest]])
        if gaps.min() < 0.6 * scale and max(whole.mask.shape) < 2.1 * scale:
            pieces = sorted((parts[piece], parts[nearest]), key=lambda part: part.left)
            left[nearest] = replace(whole, pieces=tuple(pieces))
            del left[piece]
    return list(left.values())


def in_lines(parts: list[Part]) -> list[list[Part]]:
    """The lines from top to bottom, each from left to right; a line may rise or fall."""
    lines: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.left):
        overlaps = [_shared_height(part, line[-1]) for line in lines]
        if overlaps and max(overlaps) > 0.4:
            lines[int(np.argmax(overlaps))].append(part)
        else:
            lines.append([part])
    return sorted(lines, key=lambda line: float(np.mean([part.top + part.bottom for part in line])))


def _shared_height(one: Part, other: Part) -> float:
    """The share of the lower of two that is at the height of the other; below 0 where they are apart."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / min(one.bottom - one.top, other.bottom - other.top)


def _connected(mask: Mask, contrast: NDArray[np.float32]) -> list[Part]:
    """The connected pieces of ink, without specks."""
    labels, boxes = pieces(mask)
    areas = np.bincount(labels.ravel())
    least = max(3, 0.005 * areas[1:].max(initial=0))
    parts = [
        Part(box[0].start, box[1].start, labels[box] == number)
        for number, box in boxes.items()
        if areas[number] >= least
    ]
    parts = [part for part in parts if not _is_shade(part, contrast)]
    parts = _without_pale(_without_margins(parts, mask.shape), contrast)
    scale = _scale(parts)
    return [part for part in parts if part.size > max(0.08 * scale, LEAST_SIZE)]


def _without_pale(parts: list[Part], contrast: NDArray[np.float32]) -> list[Part]:
    """Without what is much paler than the darkest large piece: one hand writes with one pen.

    Where the darkest is paler than any ink, there is none.
    """
    levels = [float(np.quantile(contrast[part.where][part.mask], 0.9)) for part in parts]
    large = 0.25 * max((part.size for part in parts), default=0)
    darkest = max((level for part, level in zip(parts, levels, strict=True) if part.size > large), default=0)
    if darkest < LEAST_DARKEST:
        return []
    return [part for part, level in zip(parts, levels, strict=True) if level > SAME_PEN * darkest]


def _without_margins(parts: list[Part], page: tuple[int, ...]) -> list[Part]:
    """Without what a picture's edge cuts off, but with the digits of a line that only just reach it."""
    margins = [_is_margin(part, page) for part in parts]
    inner = [part for part, margin in zip(parts, margins, strict=True) if not margin]
    scale = _scale(inner)
    return [
        part
        for part, margin in zip(parts, margins, strict=True)
        if not margin or _is_just_cut(part, inner, page, scale)
    ]


def _is_margin(part: Part, page: tuple[int, ...]) -> bool:
    """Whether a piece is what a picture's edge cuts off, of a table or the next line: not what fills it.

    In a corner it may be larger: a digit hardly lies there, dim light does. No digit is as wide as the
    picture and low. In a row that is cropped tightly each digit is nearly as high as the picture, and touches
    its sides in a few places at the most.
    """
    height, width = part.mask.shape
    if width == page[1] and height < 0.35 * width:
        return True
    sides = [
        part.mask[:, column].mean()
        for column, edge in ((0, part.left == 0), (-1, part.right == page[1]))
        if edge
    ]
    if height > 0.6 * page[0] and max(sides, default=0) < 0.5:
        return False
    upright, sideways = part.top == 0 or part.bottom == page[0], part.left == 0 or part.right == page[1]
    share = 0.2 if upright and sideways else 0.1
    return (upright or sideways) and part.mask.size < share * page[0] * page[1]


def _is_just_cut(part: Part, inner: list[Part], page: tuple[int, ...], scale: float) -> bool:
    """Whether a piece at one of a picture's edges is a digit of which hardly anything is cut off.

    It is as large as digits are here, stands in a line with others, and its cut is narrow.
    """
    edges = part.top == 0, part.left == 0, part.bottom == page[0], part.right == page[1]
    if sum(edges) > 1 or not 0.8 * scale < part.size < 1.25 * scale:
        return False
    cut = [part.mask[0], part.mask[:, 0], part.mask[-1], part.mask[:, -1]][edges.index(True)]
    in_line = any(_shared_height(part, other) > 0.75 for other in inner if other.size > 0.8 * scale)
    return in_line and bool(cut.mean() < 0.3)


def _is_shade(part: Part, contrast: NDArray[np.float32]) -> bool:
    """Whether a piece is as pale and as solid as the corner of a shadow is, and no stroke."""
    if contrast[part.where][part.mask].mean() > SHADE_LEVEL:
        return False
    return holds_disc(part.mask, SHADE_DISC * part.size)


def _scale(parts: list[Part]) -> float:
    """The size of a digit on this page: half of the ink is in pieces of at least this size."""
    if not parts:
        return 0.0
    sizes = np.array([part.size for part in parts])
    order = np.argsort(sizes)
    ink = np.cumsum(np.array([part.mask.sum() for part in parts])[order])
    return float(sizes[order][np.searchsorted(ink, ink[-1] / 2)])


def _joined(parts: list[Part]) -> list[Part]:
    """The pieces put together that belong to one digit, and what is too small for one left out.

    Again and again the smallest piece that belongs to a larger one is put to the nearest of these.
    """
    scale = _scale(parts)
    edges = _edges(parts)
    groups = [[part] for part in parts]
    there, waiting = np.ones(len(parts), bool), np.ones(len(parts), bool)
    while waiting.any():
        sizes = _sizes(edges)
        piece = int(np.argmin(np.where(waiting, sizes, np.inf)))
        waiting[piece] = False
        larger = there & (sizes >= sizes[piece])
        larger[piece] = False
        near = np.flatnonzero(larger & _belong_together(edges[piece], edges, scale))
        if not len(near):
            continue
        nearest = int(near[np.argmin(np.sum(_gaps(edges[piece], edges[near]), axis=0))])
        groups[nearest] += groups[piece]
        there[piece] = False
        edges[nearest, :2] = np.minimum(edges[nearest, :2], edges[piece, :2])
        edges[nearest, 2:] = np.maximum(edges[nearest, 2:], edges[piece, 2:])
        # What belonged to nothing so far may belong to what is larger now.
        waiting |= there & _belong_together(edges, edges[nearest], scale)
        waiting[nearest] = True
    large = there & (_sizes(edges) > max(0.3 * scale, 2 * LEAST_SIZE))
    return [_union(groups[number]) for number in np.flatnonzero(large)]


def _edges(parts: list[Part]) -> _Edges:
    edges = [(part.top, part.left, part.bottom, part.right) for part in parts]
    return np.array(edges, np.int64).reshape(-1, 4)


def _sizes(edges: _Edges) -> NDArray[np.int64]:
    sizes: NDArray[np.int64] = np.maximum(edges[..., 2] - edges[..., 0], edges[..., 3] - edges[..., 1])
    return sizes


def _gaps(one: _Edges, other: _Edges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How far pieces' boxes are apart in height and sideways; 0 where they overlap."""
    apart = np.maximum(one[..., :2], other[..., :2]) - np.minimum(one[..., 2:], other[..., 2:])
    apart = np.maximum(apart, 0)
    return apart[..., 0], apart[..., 1]


def _belong_together(piece: _Edges, other: _Edges, scale: float) -> Mask:
    """Whether a piece and one of at least its size are parts of one digit, as a 5 and its bar are."""
    upright, sideways = _gaps(piece, other)
    low, high = np.minimum(piece[..., :2], other[..., :2]), np.maximum(piece[..., 2:], other[..., 2:])
    overlap = np.minimum(piece[..., 3], other[..., 3]) - np.maximum(piece[..., 1], other[..., 1])
    narrower = np.minimum(piece[..., 3] - piece[..., 1], other[..., 3] - other[..., 1])
    above_each_other = overlap > 0.4 * narrower
    height = (high - low)[..., 0]
    gap = np.maximum(sideways, upright)
    small = (_sizes(piece) < 0.45 * scale) & (gap < 0.1 * scale)
    flat = (piece[..., 2] - piece[..., 0] < 0.35 * scale) & (gap < 0.2 * scale)  # no digit lies flat
    together: Mask = above_each_other & (upright < 0.15 * scale) & (height < 1.6 * scale) | small | flat
    return together


def _union(parts: list[Part]) -> Part:
    top, left = min(part.top for part in parts), min(part.left for part in parts)
    bottom, right = max(part.bottom for part in parts), max(part.right for part in parts)
    mask = np.zeros((bottom - top, right - left), bool)
    for part in parts:
        mask[part.top - top : part.bottom - top, part.left - left : part.right - left] |= part.mask
    return Part(top, left, mask)
