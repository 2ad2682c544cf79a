import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from digitrec.evaluation import plots as figures


def rendered(figure):
    return np.asarray(Image.open(io.BytesIO(figures.png(figure))))


def written(figure):
    """What is written into a figure, by its place in pixels from the top left corner."""
    width, height = figure.get_size_inches() * figure.dpi
    return {
        (round(x * width), round((1 - y) * height)): text.get_text()
        for text in figure.texts
        for x, y in [text.get_position()]
    }


def cell(column, row):
    """The centre of a cell of the confusion matrix, in pixels."""
    return 40 + 30 * column + 15, 28 + 30 * row + 15


def test_the_confusion_matrix_has_each_count_in_the_cell_of_its_digits():
    counts = np.diag(np.arange(900, 1000, 10))
    counts[4, 9], counts[9, 4] = 12, 3
    figure = figures.confusion_matrix(counts)
    texts = written(figure)
    assert texts[cell(column=9, row=4)] == "12"
    assert texts[cell(column=4, row=9)] == "3"
    assert [texts[cell(digit, digit)] for digit in range(10)] == [str(900 + 10 * d) for d in range(10)]
    assert cell(column=0, row=1) not in texts  # zeros stay empty
    assert "15 of 9,465 wrong: accuracy 99.84%" in texts.values()


def test_the_more_mistakes_the_redder_the_cell_and_right_ones_are_not_red():
    counts = 950 * np.eye(10, dtype=int)
    counts[4, 9], counts[9, 4] = 12, 3
    picture = rendered(figures.confusion_matrix(counts)).astype(int)

    def redness(column, row):
        x, y = cell(column, row)
        red, _, blue = picture[y - 13, x - 13]  # beside the number
        return red - blue

    assert redness(9, 4) > redness(4, 9) > redness(0, 1) == 0 > redness(3, 3)


def test_an_empty_matrix_and_a_faultless_one_can_be_drawn():
    for counts in (np.zeros((10, 10), dtype=int), np.eye(10, dtype=int)):
        assert rendered(figures.confusion_matrix(counts)).shape == (368, 350, 3)


def test_mistakes_come_surest_first_with_true_digit_given_digit_and_confidence():
    images = np.stack([np.full((28, 28), shade, dtype=np.uint8) for shade in (10, 20, 30, 40)])
    labels, digits = np.array([3, 5, 7, 9]), np.array([3, 6, 1, 4])
    figure = figures.mistakes(images, labels, digits, np.array([1.0, 0.7, 0.999, 0.5]), columns=2, rows=2)
    picture = rendered(figure)
    tiles = [picture[28 + 72 * row + 40, 10 + 60 * column + 30, 0] for row in (0, 1) for column in (0, 1)]
    assert tiles == [30, 20, 40, 255]  # the first image was read right; the fourth place is empty
    captions = [text for text in written(figure).values() if "%" in text]
    assert captions == ["7→1 99%", "5→6 70%", "9→4 50%"]
    assert "The surest 3 of 3 mistakes: true → given" in written(figure).values()


def test_no_more_mistakes_are_drawn_than_there_are_places():
    images = np.arange(20, dtype=np.uint8)[:, None, None].repeat(28, axis=1).repeat(28, axis=2)
    wrong = np.zeros(20, dtype=int), np.ones(20, dtype=int), np.linspace(0.5, 0.9, 20)
    figure = figures.mistakes(images, *wrong, columns=3, rows=2)
    assert "The surest 6 of 20 mistakes: true → given" in written(figure).values()
    assert sum("%" in text for text in written(figure).values()) == 6
    without = figures.mistakes(images, wrong[0], wrong[0], wrong[2])
    assert "The surest 0 of 0 mistakes: true → given" in written(without).values()


def test_the_tile_of_a_unit_shows_its_weights_where_their_pixels_are():
    weights = np.zeros((19, 784))
    weights[17, 5 * 28 + 9] = 1.0  # unit 17: row 1, column 7 of 10; pixel (5, 9)
    weights[2, 20 * 28 + 3] = -1.0
    weights[0, ::2] = 0.5  # so that the hundredth that is cut off is not all
    picture = rendered(figures.first_layer(weights)).astype(int)

    def at(unit, y, x):
        row, column = divmod(unit, 10)
        return picture[28 + 30 * row + 2 + y, 25 + 30 * column + 1 + x].tolist()

    assert at(17, 5, 9) == figures.RED.tolist()
    assert at(2, 20, 3) == figures.BLUE.tolist()
    assert at(17, 9, 5) == at(3, 0, 0) == [255, 255, 255]
    assert at(19, 14, 14) == [160, 160, 160]  # there is no unit 19


def test_more_units_than_places_are_said_to_be_left_out():
    (title,) = written(figures.first_layer(np.ones((1024, 784)))).values()
    assert title == "First layer, 130 of 1,024 units: blue -1, red 1"


def test_the_reliability_diagram_has_a_bar_of_its_accuracy_for_each_bin_that_is_not_empty():
    nan = np.nan
    size, accuracy = np.array([0, 3, 0, 1200]), np.array([nan, 0.25, nan, 0.9])
    figure = figures.reliability(size, np.array([nan, 0.4, nan, 0.95]), accuracy, 0.0512)
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
    sheet = figures.tile(images, columns=3, rows=2, ground=0, above=4)
    assert sheet.shape == (64, 90)
    assert [[sheet[4 + 32 * row + 14, 30 * column + 15] for column in range(3)] for row in range(2)] == [
        [1, 2, 3],
        [4, 5, 0],
    ]
    assert not sheet[:4].any()
    assert not sheet[:, [0, 29, 30, 59, 60, 89]].any()


def test_every_figure_has_a_white_ground_of_its_own():
    counts = np.eye(10, dtype=int)
    for figure in (
        figures.confusion_matrix(counts),
        figures.mistakes(np.zeros((1, 28, 28), dtype=np.uint8), np.ones(1), np.zeros(1), np.ones(1)),
        figures.first_layer(np.ones((3, 784))),
        figures.reliability(np.ones(15, dtype=int), np.ones(15), np.ones(15), 0.0),
    ):
        picture = rendered(figure)
        assert picture.shape[2] == 3  # nothing shines through
        assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()


def test_drawing_leaves_pyplot_alone():
    code = (
        "import digitrec.training.startup, numpy, sys; from digitrec import figures; "
        "figures.png(figures.confusion_matrix(numpy.eye(10, dtype=int))); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"
