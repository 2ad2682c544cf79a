"""The greatest and the least of windows: what SciPy says."""

import numpy as np
import pytest
from scipy import ndimage

from digitrec.reading.segmentation.extremes import greatest, least

pytestmark = pytest.mark.long


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 17, 33, (5, 1), (1, 9), (3, 21)])
@pytest.mark.parametrize("shape", [(40, 30), (1, 1), (3, 50), (7, 2)])
@pytest.mark.parametrize(("beyond", "mode"), [("reflected", "reflect"), ("zero", "constant")])
def test_windows_are_scipys_to_the_bit(size, shape, beyond, mode):
    random = np.random.default_rng(0)
    for page in (random.standard_normal(shape).astype(np.float32), random.random(shape) < 0.3):
        np.testing.assert_array_equal(
            greatest(page, size, beyond), ndimage.maximum_filter(page, size, mode=mode)
        )
        np.testing.assert_array_equal(
            least(page, size, beyond), ndimage.minimum_filter(page, size, mode=mode)
        )
        assert greatest(page, size, beyond).dtype == page.dtype


def test_a_window_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="odd sides, not 3 by 4"):
        greatest(np.zeros((5, 5)), (3, 4))
