import math

import numpy as np
import torch

from digitrec.data.glyphs import MARK
from digitrec.data.pages.canvas import Written
from digitrec.data.pages.scene import Scene
from digitrec.data.pages.targets import targets
from digitrec.models.detector import OFFSET_UNIT, SIZE_UNIT
from digitrec.models.pretrained import STRIDE


def planted(label: int = 7) -> Scene:
    """A square of 12 by 12 pixels with its center at (21, 15), on 40 by 48 pixels."""
    foreground, instances = np.zeros((40, 48), np.float32), np.zeros((40, 48), np.uint8)
    foreground[9:21, 15:27], instances[9:21, 15:27] = 1, 1
    ignored = np.zeros((40, 48), bool)
    ignored[30:, :10] = True
    item = Written(21, 15, 12, label, (15, 9, 27, 21))
    return Scene(np.full((40, 48), 200, np.uint8), foreground, instances, ignored, [item], "single")


def test_targets_have_the_documented_shapes_and_types():
    batch = targets([planted(), planted()])
    assert batch.pages.shape == batch.foreground.shape == batch.judged.shape == (2, 1, 40, 48)
    assert batch.pages.dtype == torch.uint8
    assert batch.offsets.shape == (2, 2, 20, 24)
    assert {part.shape for part in (batch.centers, batch.sizes, batch.owned, batch.kinds)} == {(2, 1, 20, 24)}
    assert batch.items == ()
    assert targets([planted()], with_items=True).items == ((planted().items[0],),)


def test_center_map_is_highest_at_the_center():
    centers = targets([planted()]).centers[0, 0]
    row, column = np.unravel_index(int(centers.argmax()), centers.shape)
    assert abs(STRIDE * row + 1 - 15) <= 1
    assert abs(STRIDE * column + 1 - 21) <= 1
    assert 0.7 < centers.max() <= 1


def test_kinds_are_one_on_digits_and_zero_on_marks():
    digit, mark = targets([planted(7)]), targets([planted(MARK)])
    assert digit.kinds[digit.owned > 0].min() == 1
    assert mark.kinds.max() == 0
    assert torch.equal(digit.owned, mark.owned)


def test_offsets_point_from_each_cell_to_its_center():
    batch = targets([planted()])
    rows, columns = torch.nonzero(batch.owned[0, 0], as_tuple=True)
    assert len(rows) >= 36
    down, across = batch.offsets[0][:, rows, columns] * OFFSET_UNIT
    torch.testing.assert_close(rows * STRIDE + 1 + down, torch.full_like(down, 15.0))
    torch.testing.assert_close(columns * STRIDE + 1 + across, torch.full_like(across, 21.0))
    sizes = batch.sizes[0, 0, rows, columns]
    torch.testing.assert_close(sizes, torch.full_like(sizes, math.log(12 / SIZE_UNIT)))
    assert set(batch.owned.unique().tolist()) == {0, 12}


def test_ignored_items_are_excluded_from_the_loss():
    judged = targets([planted()]).judged[0, 0]
    assert not judged[30:, :10].any()
    assert judged[:30].all()
    assert judged[:, 10:].all()
