import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from digitrec.evaluation import plots


def rendered(figure):
    return np.asarray(Image.open(io.BytesIO(plots.png(figure))))


def written(figure):
    """Return the texts of a figure by their places, in pixels from the top left corner."""
    width, height = figure.get_size_inches() * figure.dpi
    return {
        (round(x * width), round((1 - y) * height)): text.get_text()
        for text in figure.texts
        for x, y in [text.get_position()]
    }


def test_the_confusion_matrix_has_each_count_in_the_cell_of_its_digits():
    counts = np.diag(np.arange(900, 1000, 10))
    counts[4, 9], counts[9, 4] = 12, 3
    (axes,) = plots.confusion_matrix(counts).axes
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    expected = {(digit, digit): str(900 + 10 * digit) for digit in range(10)}
    assert texts == expected | {(9, 4): "12", (4, 9): "3"}  # (column, row); zeros stay empty
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")
    assert axes.get_title() == "15 of 9,465 wrong: accuracy 99.84%"


def test_more_errors_make_a_cell_redder_and_correct_ones_do_not():
    counts = 950 * np.eye(10, dtype=int)
    counts[4, 9], counts[9, 4] = 12, 3
    figure = plots.confusion_matrix(counts)
    picture = rendered(figure).astype(int)

    def redness(column, row):
        x, y = figure.axes[0].transData.transform((column - 0.4, row - 0.4))  # beside the number
        red, _, blue = picture[round(picture.shape[0] - y), round(x)]
        return red - blue

    assert redness(9, 4) > redness(4, 9) > redness(0, 1) == 0 > redness(3, 3)


def test_an_empty_matrix_and_a_faultless_one_can_be_drawn():
    for counts in (np.zeros((10, 10), dtype=int), np.eye(10, dtype=int)):
        assert rendered(plots.confusion_matrix(counts)).shape == (368, 350, 3)


def test_the_most_confident_errors_come_first_with_their_captions():
    images = np.stack([np.full((28, 28), shade, dtype=np.uint8) for shade in (10, 20, 30, 40)])
    labels, digits = np.array([3, 5, 7, 9]), np.array([3, 6, 1, 4])
    figure = plots.mistakes(images, labels, digits, np.array([1.0, 0.7, 0.999, 0.5]), columns=2, rows=2)
    picture = rendered(figure)
    tiles = [picture[28 + 72 * row + 40, 25 + 60 * column + 30, 0] for row in (0, 1) for column in (0, 1)]
    assert tiles == [30, 20, 40, 255]  # the first image is correct; the fourth tile is empty
    captions = [text for text in written(figure).values() if "%" in text]
    assert captions == ["7→1 99%", "5→6 70%", "9→4 50%"]
    assert "3 most confident of 3 errors: true → predicted" in written(figure).values()


def test_only_as_many_errors_are_drawn_as_fit():
    images = np.arange(20, dtype=np.uint8)[:, None, None].repeat(28, axis=1).repeat(28, axis=2)
    wrong = np.zeros(20, dtype=int), np.ones(20, dtype=int), np.linspace(0.5, 0.9, 20)
    figure = plots.mistakes(images, *wrong, columns=3, rows=2)
    assert "6 most confident of 20 errors: true → predicted" in written(figure).values()
    assert sum("%" in text for text in written(figure).values()) == 6
    without = plots.mistakes(images, wrong[0], wrong[0], wrong[2])
    assert "0 most confident of 0 errors: true → predicted" in written(without).values()


def test_the_tile_of_a_unit_shows_its_weights_where_their_pixels_are():
    weights = np.zeros((19, 784))
    weights[17, 5 * 28 + 9] = 1.0  # unit 17: row 1, column 7 of 10; pixel (5, 9)
    weights[2, 20 * 28 + 3] = -1.0
    weights[0, ::2] = 0.5  # so that the hundredth that is cut off is not all
    picture = rendered(plots.first_layer(weights)).astype(int)

    def at(unit, y, x):
        row, column = divmod(unit, 10)
        return picture[28 + 30 * row + 2 + y, 25 + 30 * column + 1 + x].tolist()

    assert at(17, 5, 9) == plots.RED.tolist()
    assert at(2, 20, 3) == plots.BLUE.tolist()
    assert at(17, 9, 5) == at(3, 0, 0) == [255, 255, 255]
    assert at(19, 14, 14) == [160, 160, 160]  # there is no unit 19


def test_the_title_says_that_units_are_left_out():
    (title,) = written(plots.first_layer(np.ones((1024, 784)))).values()
    assert title == "First layer, 130 of 1,024 units: blue -1, red 1"


def test_the_reliability_diagram_has_a_bar_of_its_accuracy_for_each_bin_that_is_not_empty():
    nan = np.nan
    size, accuracy = np.array([0, 3, 0, 1200]), np.array([nan, 0.25, nan, 0.9])
    figure = plots.reliability(size, np.array([nan, 0.4, nan, 0.95]), accuracy, 0.0512)
    (axes,) = figure.axes
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in axes.patches]
    assert bars == [pytest.approx((0.25, 0.25, 0.25)), pytest.approx((0.75, 0.25, 0.9))]
    diagonal, points = axes.lines
    assert np.array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert points.get_xydata().tolist() == [[0.4, 0.25], [0.95, 0.9]]
    assert [text.get_text() for text in axes.texts] == ["3", "1,200"]
    assert "Calibration error (ECE) 5.12%" in figure.texts[0].get_text()


def test_tiles_are_laid_out_row_by_row():
    images = np.arange(1, 6)[:, None, None] * np.ones((28, 28), dtype=int)
    sheet = plots.tile(images, columns=3, rows=2, background=0, above=4)
    assert sheet.shape == (64, 90)
    assert [[sheet[4 + 32 * row + 14, 30 * column + 15] for column in range(3)] for row in range(2)] == [
        [1, 2, 3],
        [4, 5, 0],
    ]
    assert not sheet[:4].any()
    assert not sheet[:, [0, 29, 30, 59, 60, 89]].any()


def test_every_figure_has_a_white_background():
    counts = np.eye(10, dtype=int)
    for figure in (
        plots.confusion_matrix(counts),
        plots.mistakes(np.zeros((1, 28, 28), dtype=np.uint8), np.ones(1), np.zeros(1), np.ones(1)),
        plots.first_layer(np.ones((3, 784))),
        plots.reliability(np.ones(15, dtype=int), np.ones(15), np.ones(15), 0.0),
    ):
        picture = rendered(figure)
        assert picture.shape[2] == 3  # not transparent
        assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()


def test_drawing_leaves_pyplot_alone():
    code = (
        "import numpy, sys; from digitrec.evaluation import plots; "
        "plots.png(plots.confusion_matrix(numpy.eye(10, dtype=int))); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"
