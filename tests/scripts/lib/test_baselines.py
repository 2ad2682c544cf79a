from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import load_classifier
from scripts.lib.baselines import (
    Prediction,
    gray_image,
    newest_run,
    otsu_baseline,
    otsu_crop,
    otsu_threshold,
    published_baseline,
    reader_method,
)
from scripts.lib.readers import ReadDigit
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


class Recorder(torch.nn.Module):
    """A network that stores its input and predicts 3 with a confidence of 0.82."""

    def forward(self, images):
        self.images = images
        return torch.log(torch.full((1, 10), 0.02).index_fill(1, torch.tensor(3), 0.82))


def bar(size=(120, 80), box=(20, 10, 29, 69), ink=30, paper=220):
    """Draw a dark upright bar on light paper."""
    image = Image.new("L", size, paper)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    return image


def test_the_published_baseline_only_resizes(tmp_path):
    bar().save(tmp_path / "bar.png")
    network = Recorder()
    assert published_baseline(network)(tmp_path / "bar.png") == Prediction("3", pytest.approx((0.82,)))
    assert network.images.shape == (1, 28, 28)
    paper, ink = network.images[0, 14, 20], network.images[0, 14, 5]
    assert paper == pytest.approx((220 / 255 - 0.1307) / 0.3081, abs=1e-3)  # not inverted
    assert ink < paper


def test_the_otsu_baseline_inverts_crops_and_centers():
    digit = otsu_crop(np.asarray(bar()))
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    assert (rows[0], rows[-1]) == (4, 23)  # 20 of 28, in the middle
    assert len(columns) == 3  # 10 of 60 pixels wide: the aspect is kept
    assert abs((columns[0] + columns[-1]) / 2 - 13.5) <= 0.5
    assert digit.max() == 225


def test_the_otsu_baseline_takes_light_ink_on_dark_paper_as_it_is():
    dark = 255 - np.asarray(bar())
    assert np.array_equal(otsu_crop(dark), otsu_crop(np.asarray(bar())))


def test_the_otsu_baseline_centers_by_mass_but_stays_inside():
    image = bar((100, 100), (10, 10, 49, 89))
    ImageDraw.Draw(image).rectangle((50, 10, 89, 19), fill=30)  # a heavy left side
    digit = otsu_crop(np.asarray(image)).astype(float)
    middle = digit.sum(axis=0) @ np.arange(28) / digit.sum()
    assert middle == pytest.approx(13.5, abs=0.5)
    assert np.flatnonzero(digit.any(axis=0))[-1] > 23  # its box alone would have ended there


@pytest.mark.parametrize("grey", [0, 255])
def test_the_otsu_baseline_makes_a_black_digit_of_an_empty_picture(grey):
    assert not otsu_crop(np.full((30, 20), grey, np.uint8)).any()


def test_a_speck_of_one_pixel_is_no_error():
    page = np.full((30, 2000), 255, np.uint8)
    page[3, 4] = 0
    assert otsu_crop(page).shape == (28, 28)


def test_otsus_threshold_separates_two_clusters():
    values = np.array([10] * 50 + [14] * 50 + [200] * 9 + [210] * 9, np.uint8)
    assert 14 <= otsu_threshold(values) < 200


def test_the_otsu_baseline_reads_arrays_images_and_files_alike(tmp_path):
    bar().save(tmp_path / "bar.png")
    seen = []
    for source in (tmp_path / "bar.png", bar(), np.asarray(bar())):
        network = Recorder()
        assert otsu_baseline(network)(source).text == "3"
        seen.append(network.images)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])


def test_transparency_and_color_are_lost_as_in_the_published_script():
    clear = Image.new("RGBA", (4, 3), (255, 0, 0, 0))
    assert np.asarray(gray_image(clear)).tolist() == [[76] * 4] * 3


def test_a_reader_as_a_method_gives_text_and_the_lowest_confidence():
    digits = [ReadDigit("?", 0.4, (0, 9, 1, 1), 1), ReadDigit("1", 0.8, (0, 0, 1, 1))]
    read = reader_method(lambda _: digits)(Path("photo.jpg"))
    assert (read.text, read.confidences, read.confidence) == ("1 ?", (0.8, 0.4), 0.4)
    assert reader_method(lambda _: [])(Path("photo.jpg")).confidence == 0


STEPS = '{"class_path": "torch.optim.lr_scheduler.StepLR", "init_args": {"step_size": 1}}'


def test_the_newest_run_of_a_config_is_found_and_loaded(fit):
    config = ROOT / "configs" / "mlp.yaml"
    with pytest.raises(CheckpointError, match=r"There is no run of .*mlp\.yaml in lightning_logs"):
        newest_run(config)
    fit()
    fit(f"--model.scheduler={STEPS}")
    found = newest_run(config)
    assert found.as_posix() == "lightning_logs/version_0/checkpoints/best.ckpt"
    assert load_classifier(found).network(torch.zeros(2, 28, 28)).shape == (2, 10)
