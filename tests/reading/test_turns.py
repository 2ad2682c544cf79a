import numpy as np

from digitrec.reading.turns import most_upright


def images(turns, count=4):
    """Bars above the middle, turned by quarters."""
    image = np.zeros((28, 28))
    image[4, 8:20] = 1
    return np.rot90(np.broadcast_to(image, (count, 28, 28)), turns, (1, 2))


def classify(images):
    """Sure of 3 where the bar is above, else undecided."""
    sure = images[:, 4].sum(1) > 6
    rows = np.full((len(images), 10), 0.1)
    rows[sure] = np.eye(10)[3]
    return rows


def test_turn_that_makes_digits_clearer_is_taken():
    for turns in range(4):
        turned = images(turns)
        best, found = most_upright(turned, classify(turned), classify)
        assert found == (4 - turns) % 4
        assert (best.argmax(1) == 3).all()


def test_few_digits_and_clear_ones_are_not_turned():
    few = images(1, count=2)
    assert most_upright(few, classify(few), classify)[1] == 0
    assert most_upright(images(0), classify(images(0)), lambda images: 1 / 0)[1] == 0


def test_page_without_digits():
    assert most_upright(np.zeros((0, 28, 28)), np.zeros((0, 10)), classify)[1] == 0
