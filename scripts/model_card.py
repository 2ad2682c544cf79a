"""Measure the pretrained weights and write the figures into docs/model_card.md.

python -m scripts.model_card

Accuracy, calibration error and refusals on MNIST's test images, and refusals of out-of-distribution images
(scripts/lib/ood_images.py), each drawn on a page and read like any picture.
"""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from digitrec.evaluation import metrics
from digitrec.evaluation.metrics import BINS, calibration_bins
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from digitrec.models.recognizer import Recognizer
from digitrec.reading.reader import Reader
from scripts.lib.docs import MODEL_CARD, write_section
from scripts.lib.mnist import mnist_test_set
from scripts.lib.ood_images import CHOOSING, DIGIT_LIKE, REPORTING, blots, letters, scribbles
from scripts.ship import held_out, log_probabilities


def calibration_error(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the expected calibration error (Guo et al. 2017), 0 to 1."""
    confidences, predicted = log_probabilities.exp().max(dim=1)
    correct = (predicted == labels).numpy()
    return metrics.calibration_error(calibration_bins(confidences.numpy(), correct))


def digits_row(name: str, images: Tensor, labels: Tensor, classifier: Recognizer) -> str:
    """Return a row of the table of digits."""
    after = log_probabilities(PRETRAINED, images)
    before = F.log_softmax(after * classifier.temperature, dim=1)  # as at a temperature of 1
    figures = [
        (after.argmax(dim=1) == labels).double().mean(),
        calibration_error(before, labels),
        calibration_error(after, labels),
        (after.amax(dim=1).exp() < classifier.threshold).double().mean(),
    ]
    cells = [f"{name} ({len(labels):,})", *(f"{100 * float(figure):.2f}" for figure in figures)]
    return f"| {' | '.join(cells)} |"


def digits_table() -> list[str]:
    """Return accuracy, calibration error and refusals on held-out and test images as Markdown."""
    classifier = load_classifier(PRETRAINED)
    return [
        f"Temperature {classifier.temperature}, threshold {classifier.threshold}; "
        f"ECE: expected calibration error, {BINS} bins.",
        "",
        "| images | accuracy (%) | ECE at temperature 1 (%) | ECE at that temperature (%) | refused (%) |",
        "|---|---|---|---|---|",
        digits_row("held out", *held_out(read_checkpoint(PRETRAINED)), classifier),
        digits_row("MNIST test", *mnist_test_set(), classifier),
    ]


def refused(pages: list[np.ndarray]) -> np.ndarray:
    """Return for each page whether everything found on it, if anything, is refused.

    Returns:
        bool (len(pages),)
    """
    reader = Reader.pretrained()
    return np.array([all(digit.digit == "?" for digit in reader.read(page).digits) for page in pages])


def refused_by_kind(packages: list[str], seed: int) -> dict[str, np.ndarray]:
    """Draw out-of-distribution images and return for each kind which are refused."""
    written = {letter: refused(pages) for letter, pages in letters(packages).items()}
    unlike = [verdicts for letter, verdicts in written.items() if letter not in DIGIT_LIKE]
    return {
        "letters, all": np.concatenate(list(written.values())),
        "letters that do not look like a digit": np.concatenate(unlike),
        "letters that look like a digit: " + " ".join(DIGIT_LIKE): np.concatenate(
            [written[letter] for letter in DIGIT_LIKE]
        ),
        "blots": refused(blots(500, seed)),
        "scribbles": refused(scribbles(500, seed)),
    }


def ood_table() -> list[str]:
    """Return the share of refused images by kind, for both halves of the fonts, as Markdown."""
    choosing, reporting = refused_by_kind(CHOOSING, seed=1), refused_by_kind(REPORTING, seed=2)
    rows = [
        f"| {kind} | {100 * choosing[kind].mean():.1f} of {len(choosing[kind])} "
        f"| {100 * reporting[kind].mean():.1f} of {len(reporting[kind])} |"
        for kind in reporting
    ]
    return [
        "| out-of-distribution images | refused (%), choosing half | refused (%), reporting half |",
        "|---|---|---|",
        *rows,
    ]


def main() -> None:
    """Measure and write the section."""
    lines = [*digits_table(), "", *ood_table()]
    print("\n".join(lines))
    write_section("measured", "\n".join(lines), MODEL_CARD)


if __name__ == "__main__":
    main()
