import gzip

import numpy as np
import pytest

from scripts.lib.picture_sets.labels import only_digit, uci, usps

pytestmark = pytest.mark.scripts


def test_a_name_with_several_numbers_is_labelled_only_where_it_begins_with_one(tmp_path):
    assert only_digit(tmp_path / "7_12.png") == "7"
    assert only_digit(tmp_path / "img_2024_3.png") is None


def test_usps_is_white_on_black(tmp_path):
    table = -np.ones((2, 257))
    table[:, 0] = 6, 9
    table[1, 1 + 16 * 2 + 3] = 1  # second image, third row, fourth column
    with gzip.open(tmp_path / "zip.test.gz", "wt") as file:
        np.savetxt(file, table)
    truth, images = usps(tmp_path / "zip.test.gz")
    assert truth.tolist() == [6, 9]
    assert images.shape == (2, 16, 16)
    assert images[1, 2, 3] == 255
    assert images.sum() == 255


def test_uci_is_white_on_black(tmp_path):
    row = np.zeros(65)
    row[8 * 5 + 1], row[-1] = 16, 4
    with gzip.open(tmp_path / "digits.csv.gz", "wt") as file:
        np.savetxt(file, row[None], delimiter=",")
    truth, images = uci(tmp_path / "digits.csv.gz")
    assert truth.tolist() == [4]
    assert images[0, 5, 1] == images.sum() == 255
