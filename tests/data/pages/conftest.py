import pytest

from digitrec.data.glyphs import Glyphs, drawn_digits, drawn_marks
from digitrec.data.pages.layouts import Pool
from digitrec.data.pages.marks.fonts import strips
from digitrec.data.pages.scene import Renderer


@pytest.fixture(scope="session")
def pool() -> Pool:
    return Pool(Glyphs.join([drawn_digits(140, 1), drawn_digits(70, 2), drawn_marks(60, 3)]), drawn=70)


@pytest.fixture(scope="session")
def renderer(pool: Pool) -> Renderer:
    return Renderer(pool, strips(20, seed=1))
