import cv2
import numpy as np

from digitrec.data.glyphs.thinning import thin


def components(mask: np.ndarray, connectivity: int = 8) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)[0]) - 1


def test_bar_becomes_a_line_of_one_pixel():
    bar = np.zeros((20, 40), bool)
    bar[8:13, 3:37] = True
    line = thin(bar)
    assert not (line & ~bar).any()
    assert set(line[:, 10:30].sum(0)) == {1}
    assert line[10, 20]


def test_thinning_keeps_holes_and_components():
    y, x = np.mgrid[:60, :60]
    away = np.hypot(y - 30, x - 30)
    ring = (away < 24) & (away > 16)
    line = thin(ring)
    assert components(line) == 1
    assert components(~line, connectivity=4) == 2  # inside and outside
    assert line.sum() < ring.sum() / 4
    two = np.zeros((30, 30), bool)
    two[2:28, 3:8] = two[2:28, 20:25] = True
    assert components(thin(two)) == 2


def test_empty_mask_stays_empty():
    assert not thin(np.zeros((5, 5), bool)).any()
