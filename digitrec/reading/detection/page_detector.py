"""PageDetector: digits and marks of a gray page, each as a 28x28 image, by the learned detector."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from digitrec.models.detector import DigitDetector
from digitrec.reading.detection.decoding import DecodingLimits, Instance, Maps, decode
from digitrec.reading.detection.hypotheses import Found, Gray, Hypothesis
from digitrec.reading.detection.lines import in_lines
from digitrec.reading.detection.mnist_image import mnist_image
from digitrec.reading.detection.mnist_like import mnist_like
from digitrec.reading.detection.tight_cuts import tight_one

Classify = Callable[[Gray], NDArray[np.float32]]
"""Takes images uint8 (n, 28, 28) to probabilities (n, 10)."""


@dataclass(frozen=True)
class ScalePolicy:
    """At which scales a page is looked at, and which of them is taken.

    sides: geometric means of a view's two sides, in pixels, from coarse to fine.
    most_pixels: of a view.
    most_enlargement: of a page.
    longest: pixels of the longer side of the first view of a narrow page, such as a tightly cut 1.
    narrow: a page whose longer side is this many times the shorter one is narrow.
    edge: pixels of the edge's median that are put round a view, at least.
    least_side: pixels of a view's sides with the edge.
    small: median size of a digit, in pixels, below which a finer view is made at once.
    ideal: median size, in pixels, that this view is to have.
    enough: mean clearness of a view's digits from which on it is taken without looking at finer ones.
    some: the same, for a view to be kept while a finer one is made.
    least_step: of two views the finer one is larger by this factor at least.
    least_clearness: of a digit, below which it is dropped.
    least_doubtful: score of a digit that the classifier doubts, below which it is dropped, else a ``?``.
    least_alone: score of a digit or mark in a view that is not clear, below which it is dropped.
    least_score: of an instance, below which it is dropped before it is classified.
    least_mark: the same for a mark.
    digit_share: see Instance.digit; below it an instance is a mark.
    upright: clearness of a view's digits below which they are also looked at turned by quarters.
    least_turned: number of digits, below which they are not.
    turn_gain: by how much a turn must raise the mean confidence.
    """

    sides: tuple[int, ...] = (80, 200, 460, 840)
    most_pixels: int = 700_000
    most_enlargement: float = 4.0
    longest: int = 72
    narrow: float = 2.5
    edge: int = 8
    least_side: int = 64
    small: float = 24.0
    ideal: float = 36.0
    enough: float = 0.65
    some: float = 0.35
    least_step: float = 1.12
    least_clearness: float = 0.3
    least_doubtful: float = 0.4
    least_alone: float = 0.45
    least_score: float = 0.15
    least_mark: float = 0.25
    digit_share: float = 0.4
    upright: float = 0.7
    least_turned: int = 3
    turn_gain: float = 0.12


class PageDetector:
    """Finds the digits and marks of gray pages.

    Args:
        network: the trained detector; it is put into evaluation mode.
        policy: scales.
        limits: what counts as an instance.
    """

    def __init__(
        self,
        network: DigitDetector,
        policy: ScalePolicy | None = None,
        limits: DecodingLimits | None = None,
    ) -> None:
        self.network = network.eval()
        self.policy = policy or ScalePolicy()
        self.limits = limits or DecodingLimits()

    def find(self, page: Gray, classify: Classify) -> list[Found]:
        """Find what is written on a page.

        Args:
            page: uint8 (height, width).
            classify: the classifier.

        Returns:
            Digits and marks in reading order.
        """
        image = mnist_like(page)
        if image is not None:
            return [_as_it_is(image, classify)]
        chosen = self.hypotheses(page, classify)[-1]
        if not chosen.digits and (one := tight_one(page, classify)):
            return [one]
        policy = self.policy
        kept = (
            each
            for each in chosen.digits
            if each.clearness > policy.least_clearness or each.score > policy.least_doubtful
        )
        return in_lines([*kept, *chosen.marks], chosen.turns)

    def hypotheses(self, page: Gray, classify: Classify) -> list[Hypothesis]:
        """Look at a page at one scale after the other; the last of the hypotheses is the one that is taken.

        The first view that is clear enough is taken at once. If its digits are small the next view is made at
        the scale that gives them the ideal size. Without a clear view the one is taken that reads most.
        """
        policy, side = self.policy, math.sqrt(page.size)
        most = min(policy.most_enlargement, math.sqrt(policy.most_pixels / page.size))
        plan = [wanted / side for wanted in policy.sides]
        if max(page.shape) > policy.narrow * min(page.shape):
            plan = sorted([policy.longest / max(page.shape), *plan])
        seen: list[Hypothesis] = []
        kept: list[Hypothesis] = []
        while plan:
            scale = min(most, plan.pop(0))
            if seen and scale < seen[-1].scale * policy.least_step:
                continue
            here = self._look(page, scale, classify)
            seen.append(here)
            if not here.digits:
                continue
            if here.size < policy.small and scale < most / policy.least_step:
                plan = [scale * policy.ideal / here.size, *plan]
                if here.clearness > policy.some:
                    kept.append(here)
            elif here.clearness > policy.enough:
                return seen
            elif here.value > 0:
                kept.append(here)
        # Without a clear view, as on an empty page, noise may look like something; not very clearly, though.
        solid = [each.solid(policy.least_alone) for each in kept or seen]
        best = max(solid, key=lambda each: each.value if kept else sum(mark.score for mark in each.marks))
        return [*seen, best if kept else replace(best, digits=())]

    def _look(self, page: Gray, scale: float, classify: Classify) -> Hypothesis:
        """Find and classify what is written, at one scale."""
        maps, down, across = self._maps(page, scale)
        policy = self.policy
        digits: list[Found] = []
        marks: list[Found] = []
        for instance in decode(maps, self.limits):
            is_digit = instance.digit >= policy.digit_share
            if instance.score > (policy.least_score if is_digit else policy.least_mark):
                (digits if is_digit else marks).append(_found(instance, down, across))
        here = Hypothesis(scale, _classified(digits, classify), tuple(marks))
        if len(digits) >= policy.least_turned and here.clearness < policy.upright:
            return self._turned(here, classify)
        return here

    def _turned(self, upright: Hypothesis, classify: Classify) -> Hypothesis:
        """Turn the digits by quarters, and keep the turn that makes them clearer, if one does."""
        best, least = upright, upright.clearness + self.policy.turn_gain
        for turns in (1, 2, 3):
            digits = [replace(each, image=np.rot90(each.image, turns).copy()) for each in upright.digits]
            here = replace(upright, digits=_classified(digits, classify), turns=turns)
            if here.clearness > least:
                best, least = here, here.clearness
        return best

    def _maps(self, page: Gray, scale: float) -> tuple[Maps, float, float]:
        """Run the detector on a view; its maps, and its pixels a pixel of the page, down and across."""
        policy = self.policy
        height, width = (max(4, 4 * round(side * scale / 4)) for side in page.shape)
        how = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR
        view = np.asarray(Image.fromarray(page).resize((width, height), how, reducing_gap=2.0))
        around = np.concatenate([view[0], view[-1], view[:, 0], view[:, -1]])
        edges = [max(policy.edge, 2 * math.ceil((policy.least_side - side) / 4)) for side in (height, width)]
        padded = np.pad(view, [(edge, edge) for edge in edges], constant_values=int(np.median(around)))
        with torch.inference_mode():
            found = self.network(torch.from_numpy(padded)[None, None])
        return Maps.of(found, edges=(edges[0], edges[1])), height / page.shape[0], width / page.shape[1]


def _classified(digits: list[Found], classify: Classify) -> tuple[Found, ...]:
    if not digits:
        return ()
    rows = classify(np.stack([each.image for each in digits])).tolist()
    return tuple(replace(each, probabilities=tuple(row)) for each, row in zip(digits, rows, strict=True))


def _as_it_is(image: Gray, classify: Classify) -> Found:
    """Take a picture that is a digit of MNIST already."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    box = float(columns[0]), float(rows[0]), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)
    return Found(image, box, max(box[2:]), 1.0, 1.0, tuple(classify(image[None])[0].tolist()))


def _found(instance: Instance, down: float, across: float) -> Found:
    left, top, right, bottom = instance.box
    box = left / across, top / down, (right - left) / across, (bottom - top) / down
    image = mnist_image(instance.mask, across, down)
    return Found(image, box, max(box[2:]), instance.score, instance.digit)
