import numpy as np

from digitrec.reading.detection.decoding import Maps
from digitrec.training.callbacks.detection_sheet import GREEN, RED, boxed


def test_digits_are_boxed_in_green_and_marks_in_red():
    foreground, heat = np.zeros((40, 60), np.float32), np.zeros((20, 30), np.float32)
    offsets, kinds = np.zeros((2, 20, 30), np.float32), np.ones((20, 30), np.float32)
    for column, kind in ((5, 0.9), (20, 0.1)):
        foreground[10:30, 2 * column : 2 * column + 12] = 0.9
        heat[10, column + 3], kinds[:, column : column + 6] = 0.9, kind
        offsets[0, 5:15, column : column + 6] = (20 - 2 * np.arange(5, 15) - 1)[:, None]
        offsets[1, 5:15, column : column + 6] = 6 - 2 * np.arange(6) - 1
    page = np.full((40, 60, 3), 255, np.uint8)
    drawn = boxed(page, Maps(foreground, heat, offsets, np.full((20, 30), 20, np.float32), kinds))
    assert (drawn[10, 10:22] == GREEN).all()
    assert (drawn[10:30, 40] == RED).all()
    assert (drawn[15, 15] == 255).all()
    assert (page == 255).all()
