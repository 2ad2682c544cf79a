"""What predictions say about a network, in numbers: confusion, calibration, how sure an accuracy is.

Arrays in, numbers out. Of N images there are the labels (N,), the digits that were given (N,), and how
likely the network held each of those to be: its confidences (N,), 0 to 1.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BINS = 15
"""Bins of confidence, as Guo et al. have them."""

Z95 = 1.959963984540054
"""Standard deviations either side of the mean that hold 95 % of a normal distribution."""


class Bins(NamedTuple):
    """Images sorted by confidence into bins of equal width: (bins,) each, nan where a bin is empty."""

    size: Array
    confidence: Array
    accuracy: Array


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Give the 95 % interval of an accuracy, 0 to 1, of which ``right`` of ``count`` images were seen.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927): unlike the usual
    plus and minus it stays within 0 to 1 and holds near them too.

    Raises:
        ValueError: there are no images, or more are right than there are.
    """
    if not 0 <= right <= count or not count:
        raise ValueError(f"{right} of {count} images is no share")
    share, spread = right / count, Z95**2 / count
    centre = share + spread / 2
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4)
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def confusion(labels: Array, digits: Array) -> Array:
    """Count the images of each true digit (row) that were given each digit (column): int64 (10, 10)."""
    return np.bincount(10 * labels + digits, minlength=100).reshape(10, 10)


def calibration_bins(confidences: Array, right: Array, bins: int = BINS) -> Bins:
    """Sort images into bins of confidence; a confidence on a border belongs to the bin above it.

    Args:
        confidences: (N,), 0 to 1.
        right: (N,) bool, whether the digit given is the true one.
        bins: how many of equal width from 0 to 1.
    """
    borders = np.linspace(0, 1, bins + 1, dtype=confidences.dtype)[1:-1]
    places = np.digitize(confidences, borders)
    count = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        confidence = np.bincount(places, confidences, bins) / count
        accuracy = np.bincount(places, right, bins) / count
    return Bins(count, confidence, accuracy)


def calibration_error(bins: Bins) -> float:
    """Give the expected calibration error, 0 to 1: how far confidence and accuracy lie apart on average.

    Each bin weighs by its images. Guo et al., "On Calibration of Modern Neural Networks" (2017).
    """
    apart = np.abs(bins.accuracy - bins.confidence)
    return float(np.nansum(apart * bins.size) / bins.size.sum())


def report(labels: Array, digits: Array, confidences: Array) -> dict[str, Any]:
    """Sum up a test as ``report.json`` has it: counts, shares of 1, confusion by rows of true digits.

    Raises:
        ValueError: there are no images.
    """
    counts = confusion(labels, digits)
    images, right = int(counts.sum()), int(counts.trace())
    return {
        "images": images,
        "right": right,
        "accuracy": right / images,
        "accuracy_95": list(wilson_interval(right, images)),
        "calibration_error": calibration_error(calibration_bins(confidences, labels == digits)),
        "digits": [
            {"digit": digit, "images": int(row.sum()), "wrong": int(row.sum() - row[digit])}
            for digit, row in enumerate(counts)
        ],
        "confusion": counts.tolist(),
    }
