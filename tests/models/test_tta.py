"""Test-time augmentation: fixed variants of a digit, and the mean over them."""

import pytest
import torch

from digitrec import MLP, DigitClassifier
from digitrec.cli import DigitCLI
from digitrec.models.normalization import BACKGROUND, normalize
from digitrec.models.pretrained import CHUNK
from digitrec.models.tta import TTA
from scripts.lib.strokes import stroke_digits

DIGITS = normalize(torch.from_numpy(stroke_digits()))


def test_first_variant_is_the_image_and_all_differ():
    variants = TTA()(DIGITS)
    assert variants.shape == (17, 10, 28, 28)
    torch.testing.assert_close(variants[0], DIGITS)
    apart = torch.cdist(variants[:, 4].flatten(1), variants[:, 4].flatten(1))
    assert (apart + torch.eye(17) * 100).min() > 1
    torch.testing.assert_close(TTA()(DIGITS), variants)


def test_without_a_change_of_stroke_there_are_nine_variants():
    assert TTA(stroke=0)(DIGITS).shape == (9, 10, 28, 28)


def test_image_has_the_same_variants_alone_and_in_a_batch():
    torch.testing.assert_close(TTA()(DIGITS[3:4])[:, 0], TTA()(DIGITS)[:, 3])


def test_no_images_have_no_variants():
    assert TTA()(DIGITS[:0]).shape == (17, 0, 28, 28)


def test_variants_without_distortion_are_the_image():
    variants = TTA(rotation=0, shear=0, width=0, stroke=0)(DIGITS)
    torch.testing.assert_close(variants, DIGITS.expand_as(variants), atol=1e-5, rtol=0)


def test_half_of_the_variants_have_thinner_and_half_wider_strokes():
    foreground = (TTA(rotation=0, shear=0, width=0)(DIGITS) - DIGITS).sum(dim=(1, 2, 3))
    assert (foreground[1:9] < 0).all()
    assert (foreground[9:] > 0).all()


def test_outside_of_the_image_is_background():
    full = normalize(torch.full((1, 28, 28), 255.0))
    assert TTA(stroke=0)(full)[1:, 0, 0, 0].amin() < 0.5  # rotation moves a corner into the image


def test_each_distortion_has_both_directions():
    pole = torch.zeros(1, 28, 28)
    pole[:, 4:24, 13:15] = 255  # symmetric
    pole = normalize(pole)
    for values in ({"rotation": 8}, {"shear": 0.2}):
        variants = TTA(**{"rotation": 0, "shear": 0, "width": 0, "stroke": 0} | values)(pole)[1:, 0]
        signs = variants.flatten(1).unique(dim=0).view(-1, 28, 28)
        assert len(signs) == 2
        torch.testing.assert_close(signs[0], signs[1].flip(1), atol=1e-4, rtol=0)
    variants = TTA(rotation=0, shear=0, width=0.2, stroke=0)(DIGITS[:1])[:, 0]
    foreground = (variants - BACKGROUND).sum(dim=(1, 2))  # the first is the undistorted digit
    assert foreground.min() < foreground[0] < foreground.max()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotation": -1.0}, "rotation must be a finite number of at least 0"),
        ({"shear": float("nan")}, "shear must be"),
        ({"width": 1.0}, "width is a fraction and must be below 1"),
        ({"stroke": 1.5}, "stroke must be at most 1"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TTA(**values)


def test_classifier_averages_variants_in_eval_only():
    torch.manual_seed(0)
    model = DigitClassifier(MLP(), torch.optim.Adam, temperature=2.0, tta=TTA())
    with torch.inference_mode():
        each = torch.stack([model.network(variant) for variant in TTA()(DIGITS)])
        once = model.network(DIGITS)
        torch.testing.assert_close(model.eval()(DIGITS), (each.mean(0) / 2).log_softmax(1))
        torch.testing.assert_close(model.train()(DIGITS), (once / 2).log_softmax(1))
    assert model.state_dict().keys() == DigitClassifier(MLP(), torch.optim.Adam).state_dict().keys()


def test_tta_of_the_config_is_stored_in_the_checkpoint(fit, workplace):
    cli = fit("--model.tta=digitrec.models.TTA", "--model.tta.rotation=5")
    path = cli.trainer.checkpoint_callback.best_model_path
    kept = DigitClassifier.load_from_checkpoint(path, map_location="cpu").tta
    torch.testing.assert_close(kept(DIGITS), TTA(rotation=5)(DIGITS))


def test_batch_larger_than_a_chunk_gives_the_same_result():
    model = DigitClassifier(MLP(), torch.optim.Adam, tta=TTA()).eval()
    images = torch.cat([DIGITS] * (CHUNK // 10 + 3))
    with torch.inference_mode():
        torch.testing.assert_close(model(images)[:10], model(DIGITS))
        torch.testing.assert_close(model(images)[-10:], model(DIGITS))
        assert model(DIGITS[:0]).shape == (0, 10)


def test_checkpoint_from_before_tta_is_evaluated_without_it(fit, workplace):
    cli = fit()
    path = workplace / cli.trainer.log_dir / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["hyper_parameters"]["tta"]
    torch.save(checkpoint, path)
    assert DigitCLI(["test", f"--ckpt_path={path}"]).model.tta is None
