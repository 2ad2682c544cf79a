"""At which scales a page is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScalePolicy:
    """At which scales a page is looked at, and which of them is taken.

    sides: geometric means of a view's two sides, in pixels, from coarse to fine.
    most_pixels: of a view with its edge.
    most_enlargement: of a page with small digits.
    shrink: factor by which the enlargement is lowered until a view has few enough pixels.
    least_finest: side of the finest view of a small page. A larger page is enlarged only if its digits are
        small, and then taken only if they are clear.
    longest: pixels of the longer side of the first view of a narrow page, such as a tightly cut 1.
    narrow: a page whose longer side is this many times the shorter one is narrow.
    edge: pixels of the edge's median that are put round a view, at least.
    least_side: pixels of a view's sides with the edge.
    small: median size of a digit, in pixels, below which a finer view is made at once.
    ideal: median size, in pixels, that this view is to have.
    enough: clearness from which on a view is taken without looking at finer ones.
    some: clearness from which on a view is kept while a finer one is made.
    even: score of an instance that counts neither for its view nor against it.
    least_step: of two views the finer one is larger by this factor at least.
    least_contrast: gray levels between the lightest and the darkest pixel of a page that is not empty.
    least_score: of a digit, below which it is dropped.
    least_mark_score: the same for other marks: the end of a rule may look a little like a sign.
    least_alone: the same for both in a view that is not clear: noise may look like something, but not very
        clearly.
    largest: size of a digit, in pixels of the view that is taken, above which a coarser view is believed.
    reducing_gap: a page is first averaged down to this many times the size of the view, at least.
    batch_pixels: of the views that the network sees at once, all of one shape.
    """

    sides: tuple[int, ...] = (80, 200, 460, 840, 1400)
    most_pixels: int = 2_000_000
    most_enlargement: float = 4.0
    shrink: float = 0.95
    least_finest: int = 200
    longest: int = 72
    narrow: float = 2.5
    edge: int = 8
    least_side: int = 64
    small: float = 32.0
    ideal: float = 48.0
    enough: float = 0.6
    some: float = 0.3
    even: float = 0.3
    least_step: float = 1.12
    least_contrast: int = 8
    least_score: float = 0.25
    least_mark_score: float = 0.37
    least_alone: float = 0.5
    largest: float = 110.0
    reducing_gap: float = 2.0
    batch_pixels: int = 150_000
