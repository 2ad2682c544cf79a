import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from digitrec.evaluation import metrics


def test_wilson_interval_is_the_published_one():
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    assert metrics.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert metrics.wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert metrics.wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert metrics.wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_interval_mirrors_and_narrows_with_more_images():
    low, high = metrics.wilson_interval(98, 100)
    assert metrics.wilson_interval(2, 100) == pytest.approx((1 - high, 1 - low))
    assert metrics.wilson_interval(100, 100)[1] == 1
    narrower = metrics.wilson_interval(9800, 10_000)
    assert low < narrower[0] < 0.98 < narrower[1] < high


@pytest.mark.parametrize(("correct", "count"), [(0, 0), (3, 2), (-1, 2)])
def test_wilson_interval_refuses_impossible_counts(correct, count):
    with pytest.raises(ValueError, match=f"{correct} of {count}"):
        metrics.wilson_interval(correct, count)


def test_confusion_counts_true_digits_by_rows():
    counts = metrics.confusion_matrix(np.array([4, 4, 4, 9, 0]), np.array([9, 9, 4, 9, 0]))
    expected = np.zeros((10, 10), dtype=int)
    expected[4, 9], expected[4, 4], expected[9, 9], expected[0, 0] = 2, 1, 1, 1
    assert np.array_equal(counts, expected)


def test_calibration_error_of_an_example_calculated_by_hand():
    # In two bins: (0.2, 0.4) with accuracy 0, a gap of 0.3; (0.6, 0.8, 1.0) with accuracy 2/3, a gap of
    # 0.8 - 2/3. Together (2 * 0.3 + 3 * (0.8 - 2/3)) / 5 = (0.6 + 0.4) / 5 = 0.2.
    confidences, correct = np.array([0.2, 0.4, 0.6, 0.8, 1.0]), np.array([False, False, True, False, True])
    bins = metrics.calibration_bins(confidences, correct, bins=2)
    assert bins.size.tolist() == [2, 3]
    assert bins.confidence == pytest.approx([0.3, 0.8])
    assert bins.accuracy == pytest.approx([0, 2 / 3])
    assert metrics.calibration_error(bins) == pytest.approx(0.2)


def test_an_empty_bin_has_no_mean_and_no_weight():
    bins = metrics.calibration_bins(np.array([0.95, 0.95]), np.array([True, False]), bins=10)
    assert bins.size.tolist() == [0] * 9 + [2]
    assert np.isnan(bins.accuracy[:9]).all()
    assert metrics.calibration_error(bins) == pytest.approx(0.45)


def test_calibration_error_is_that_of_torchmetrics():
    generator = torch.Generator().manual_seed(0)
    probabilities = (3 * torch.randn(2000, 10, generator=generator)).softmax(dim=1)
    labels = torch.randint(0, 10, (2000,), generator=generator)
    confidences, digits = probabilities.max(dim=1)
    bins = metrics.calibration_bins(confidences.numpy(), (digits == labels).numpy())
    theirs = multiclass_calibration_error(probabilities, labels, num_classes=10, n_bins=15, norm="l1")
    assert metrics.calibration_error(bins) == pytest.approx(theirs.item(), abs=1e-6)


def test_the_report_has_counts_accuracy_and_confusion():
    labels = np.array([1, 1, 1, 7])
    report = metrics.report(labels, np.array([1, 1, 7, 7]), np.array([1.0, 1.0, 1.0, 1.0]))
    assert (report["images"], report["correct"], report["accuracy"]) == (4, 3, 0.75)
    assert report["accuracy_95"] == list(metrics.wilson_interval(3, 4))
    assert report["calibration_error"] == pytest.approx(0.25)
    assert report["digits"][1] == {"digit": 1, "images": 3, "wrong": 1}
    assert report["digits"][7] == {"digit": 7, "images": 1, "wrong": 0}
    assert report["confusion"][1][7] == 1
