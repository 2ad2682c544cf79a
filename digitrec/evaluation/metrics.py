"""Metrics of a test: the report, the interval of an accuracy and the bins of the reliability diagram.

The confusion matrix is computed by torchmetrics. Its calibration error has float32 precision only and
does not return the bins that the diagram shows, so ``calibration_bins`` and ``calibration_error`` are here.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]

BINS = 15
"""Bins of confidence, as in Guo et al. (2017)."""

Z95 = 1.959963984540054
"""Standard deviations either side of the mean that hold 95 % of a normal distribution."""


class Bins(NamedTuple):
    """Images sorted by confidence into bins of equal width.

    Attributes:
        size: int (bins,), images in each bin.
        confidence: float (bins,), mean confidence, 0 to 1; NaN where a bin is empty.
        accuracy: float (bins,), 0 to 1; NaN where a bin is empty.
    """

    size: Array
    confidence: Array
    accuracy: Array


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an accuracy, 0 to 1.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927). Unlike the normal
    approximation it stays within 0 to 1 and is valid near both ends.

    Args:
        correct: images that were predicted correctly.
        count: all images.

    Raises:
        ValueError: there are no images, or more correct ones than images.
    """
    if not 0 <= correct <= count or not count:
        raise ValueError(f"{correct} of {count} images is not a proportion")
    share, spread = correct / count, Z95**2 / count
    center = share + spread / 2
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4)
    return max(0.0, (center - half) / (1 + spread)), min(1.0, (center + half) / (1 + spread))


def confusion_matrix(labels: Array, predicted: Array) -> Array:
    """Count the images of each true digit (row) and predicted digit (column): int64 (10, 10).

    Args:
        labels: int (N,), the true digits.
        predicted: int (N,).
    """
    # Imported here: it takes a second, and plots and the bins don't need it.
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    digits = torch.as_tensor(predicted), torch.as_tensor(labels)
    return multiclass_confusion_matrix(*digits, num_classes=10).numpy()


def calibration_bins(confidences: Array, correct: Array, bins: int = BINS) -> Bins:
    """Sort images into bins of confidence; a confidence on an edge belongs to the bin above it.

    Args:
        confidences: (N,), 0 to 1.
        correct: bool (N,), whether the predicted digit is the true one.
        bins: number of bins of equal width from 0 to 1.
    """
    edges = np.linspace(0, 1, bins + 1, dtype=confidences.dtype)[1:-1]
    places = np.digitize(confidences, edges)
    count = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        confidence = np.bincount(places, confidences, bins) / count
        accuracy = np.bincount(places, correct, bins) / count
    return Bins(count, confidence, accuracy)


def calibration_error(bins: Bins) -> float:
    """Return the expected calibration error, 0 to 1: the mean gap between confidence and accuracy.

    Each bin is weighted by its images. Guo et al., "On Calibration of Modern Neural Networks" (2017).
    """
    gaps = np.abs(bins.accuracy - bins.confidence)
    return float(np.nansum(gaps * bins.size) / bins.size.sum())


def report(labels: Array, predicted: Array, confidences: Array) -> dict[str, Any]:
    """Return the content of ``report.json``: counts, proportions from 0 to 1, and the confusion matrix.

    Args:
        labels: int (N,), the true digits.
        predicted: int (N,).
        confidences: (N,), of the predicted digits, 0 to 1.

    Raises:
        ValueError: there are no images.
    """
    counts = confusion_matrix(labels, predicted)
    images, correct = int(counts.sum()), int(counts.trace())
    interval = wilson_interval(correct, images)
    return {
        "images": images,
        "correct": correct,
        "accuracy": correct / images,
        "accuracy_95": list(interval),
        "calibration_error": calibration_error(calibration_bins(confidences, labels == predicted)),
        "digits": [
            {"digit": digit, "images": int(row.sum()), "wrong": int(row.sum() - row[digit])}
            for digit, row in enumerate(counts)
        ],
        "confusion": counts.tolist(),
    }
