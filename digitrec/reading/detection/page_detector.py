"""PageDetector: finds the digits and other marks of gray pages, each as a 28x28 image."""

import math
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from digitrec.models.pretrained import MULTIPLE
from digitrec.reading.detection.decoding import DecodingLimits, Maps, decode
from digitrec.reading.detection.hypotheses import Found, Gray, Hypothesis
from digitrec.reading.detection.mnist_image import mnist_image
from digitrec.reading.detection.mnist_like import mnist_like
from digitrec.reading.detection.other_sizes import beside
from digitrec.reading.detection.scale_policy import ScalePolicy
from digitrec.reading.detection.tight_cuts import tight_one
from digitrec.reading.memory import LARGE, give_back, limit_cache

if TYPE_CHECKING:
    from digitrec.models.detector import DigitDetector


@dataclass(frozen=True)
class View:
    """A page at some scale, with an edge.

    pixels: uint8 (height, width).
    edges: rows above and below the page, and columns beside it.
    down, across: pixels of the view for each pixel of the page.
    """

    pixels: Gray
    edges: tuple[int, int]
    down: float
    across: float


class PageDetector:
    """Finds the digits and marks of gray pages.

    Args:
        network: the trained detector; it is put into evaluation mode. None takes the pretrained one.
        policy: scales.
        limits: what counts as an instance.
    """

    def __init__(
        self,
        network: "DigitDetector | None" = None,
        policy: ScalePolicy | None = None,
        limits: DecodingLimits | None = None,
    ) -> None:
        limit_cache()
        if network is None:
            from digitrec.models.detector_weights import load_detector  # not needed where ONNX Runtime reads

            network = load_detector()
        self.network = network.eval()
        self.policy = policy or ScalePolicy()
        self.limits = limits or DecodingLimits()

    def find(self, pages: Sequence[Gray]) -> list[list[Found]]:
        """Find what is written on pages. Several small ones take half of the time that they take one by one.

        Args:
            pages: uint8 (height, width) each.

        Returns:
            The digits and marks of each page, in any order.
        """
        searches = {number: self._search(page) for number, page in enumerate(pages)}
        found: list[list[Found]] = [[] for _ in pages]
        scales: dict[int, float] = {}
        for number, page in enumerate(pages):
            found[number] = mnist_like(page)
            if found[number]:
                continue
            if int(page.max()) - int(page.min()) < self.policy.least_contrast:
                found[number] = tight_one(page)
            else:
                scales[number] = next(searches[number])
        large = False
        while scales:
            views = {number: self._view(pages[number], scale) for number, scale in scales.items()}
            if any(view.pixels.size > LARGE for view in views.values()):
                large = True
                give_back()
            for number, seen in self._look(views):
                try:
                    scales[number] = searches[number].send(seen)
                except StopIteration as end:
                    del scales[number]
                    found[number] = [each for taken in end.value for each in _found(taken)] or tight_one(
                        pages[number]
                    )
        if large:
            give_back()
        return found

    def _search(self, page: Gray) -> Generator[float, Hypothesis, list[Hypothesis]]:
        """Yield the scales to look at, one after the other, and return the hypotheses that are taken.

        They are that of the view which is chosen, and what coarser views show that is too large for it. What
        is too small for it is not looked for: beside writing it is print in most cases.
        """
        policy, kept = self.policy, [Hypothesis()]
        chosen = yield from self._choose(page, kept)
        larger: list[Hypothesis] = []
        for coarse in kept:
            large = [
                each.size * chosen.across > policy.largest * coarse.across and each.score > policy.enough
                for each in coarse.instances
            ]
            solid = chosen.without_faint(policy.least_alone)  # parts of large digits are faint
            if any(large):
                larger.append(beside(coarse.only(large), [solid, *larger]))
                chosen = solid if larger[-1].instances else chosen
        return [chosen, *larger]

    def _most(self, page: Gray) -> float:
        """Return the largest scale at which a view is not too large."""
        most = self.policy.most_enlargement
        while math.prod(self._padded(page, most)) > self.policy.most_pixels:
            most *= self.policy.shrink
        return most

    def _choose(self, page: Gray, kept: list[Hypothesis]) -> Generator[float, Hypothesis, Hypothesis]:
        """Yield the scales to look at, and return the hypothesis that is taken; keep the others of use.

        The first view that is clear enough is taken at once. If its digits are small the next view is made at
        the scale that gives them the ideal size. Without a clear view the one is taken that shows most.
        """
        policy, side = self.policy, math.sqrt(page.size)
        most = self._most(page)
        most_planned = min(most, max(1.0, policy.least_finest / side))
        plan = [min(wanted / side, most_planned) for wanted in policy.sides]
        if max(page.shape) > policy.narrow * min(page.shape):
            plan = sorted([policy.longest / max(page.shape), *plan])
        last = 0.0
        while plan:
            scale = min(most, plan.pop(0))
            if scale < last * policy.least_step:
                continue
            here, last = (yield scale), scale
            if not here.instances:
                kept.append(here)
            elif here.size < policy.small and scale * policy.least_step < most:
                plan = [scale * policy.ideal / here.size, *plan]
                if here.clearness > policy.some:
                    kept.append(here)
            elif here.clearness > policy.enough:
                return here
            elif scale <= most_planned:  # in an enlarged view noise looks like strokes: it must be clear
                kept.append(here)
        solid = [each.without_faint(policy.least_alone) for each in kept]
        return max(solid, key=lambda each: each.value(policy.even))

    def _look(self, views: dict[int, View]) -> Iterator[tuple[int, Hypothesis]]:
        """Find what is in views; those of one shape are given to the network together."""
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, view in views.items():
            alike[view.pixels.shape].append(number)
        for shape, numbers in alike.items():
            step = max(1, self.policy.batch_pixels // math.prod(shape))
            for batch in (numbers[first : first + step] for first in range(0, len(numbers), step)):
                pixels = np.stack([views[number].pixels for number in batch])
                edges = [views[number].edges for number in batch]
                for number, maps in zip(batch, self._maps(pixels, edges), strict=True):
                    yield number, self._hypothesis(views[number], maps)

    def _maps(self, pixels: Gray, edges: Sequence[tuple[int, int]]) -> list[Maps]:
        """Run the network on views, uint8 (batch, height, width), and cut the edges of each off."""
        import torch

        with torch.inference_mode():
            detection = self.network(torch.from_numpy(pixels)[:, None])
        return [Maps.of(detection, place, each) for place, each in enumerate(edges)]

    def _hypothesis(self, view: View, maps: Maps) -> Hypothesis:
        policy = self.policy
        instances = tuple(
            each
            for each in decode(maps, self.limits)
            if each.score >= (policy.least_score if each.is_digit else policy.least_mark_score)
        )
        return Hypothesis(view.down, view.across, instances)

    def _padded(self, page: Gray, scale: float) -> list[int]:
        """Return the height and width of a view with its edge."""
        policy = self.policy
        least = (max(policy.least_side, 4 * round(side * scale / 4) + 2 * policy.edge) for side in page.shape)
        return [MULTIPLE * math.ceil(side / MULTIPLE) for side in least]

    def _view(self, page: Gray, scale: float) -> View:
        """Resize a page, and put the median of its edge round it until its sides suit the network."""
        height, width = (max(4, 4 * round(side * scale / 4)) for side in page.shape)
        how = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR
        gap = self.policy.reducing_gap
        small = np.asarray(Image.fromarray(page).resize((width, height), how, reducing_gap=gap))
        around = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
        whole = self._padded(page, scale)
        top, left = (whole[0] - height) // 2, (whole[1] - width) // 2
        pixels = np.full(whole, int(np.median(around)), np.uint8)
        pixels[top : top + height, left : left + width] = small
        return View(pixels, (top, left), height / page.shape[0], width / page.shape[1])


def _found(chosen: Hypothesis) -> list[Found]:
    """Bring the instances of a hypothesis to MNIST's form, and their boxes to pixels of the page."""
    down, across = chosen.down, chosen.across
    return [
        Found(
            mnist_image(each.mask, across, down),
            (left / across, top / down, (right - left) / across, (bottom - top) / down),
            each.score,
            each.digit,
        )
        for each in chosen.instances
        for left, top, right, bottom in [each.box]
    ]
