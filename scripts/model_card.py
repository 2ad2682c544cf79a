"""Measure the weights that ship, and write the figures into docs/model_card.md.

python -m scripts.model_card

Accuracy and calibration error, and what the default threshold refuses: of MNIST's test images, and of what is
no digit (scripts/lib/ood_images.py), drawn on a page and found there as a reader finds digits.
"""

from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from digitrec.data.datamodule import MNISTDataModule
from digitrec.models.checkpoints import PRETRAINED, load_classifier, read_checkpoint
from digitrec.models.recognizer import Recognizer
from digitrec.reading.reader import Reader
from scripts.lib.docs import write_section
from scripts.lib.ood_images import ALIKE, CHOOSING, REPORTING, blots, letters, scribbles
from scripts.ship import held_out, log_probabilities

CARD = Path("docs/model_card.md")
BINS = 15


def calibration_error(log_probabilities: Tensor, labels: Tensor) -> float:
    """Expected calibration error over bins of equal width (Guo et al. 2017)."""
    error = multiclass_calibration_error(log_probabilities.exp(), labels, num_classes=10, n_bins=BINS)
    return float(error)


def digits_row(name: str, images: Tensor, labels: Tensor, classifier: Recognizer) -> str:
    """A row of the table of digits."""
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
    """Accuracy, calibration error and refusals on held-out and test images."""
    classifier = load_classifier(PRETRAINED)
    test = MNISTDataModule()
    test.prepare_data()
    test.setup("test")
    return [
        f"Temperature {classifier.temperature}, threshold {classifier.threshold}; "
        f"ECE: expected calibration error, {BINS} bins.",
        "",
        "| images | accuracy (%) | ECE at temperature 1 (%) | ECE as shipped (%) | refused (%) |",
        "|---|---|---|---|---|",
        digits_row("held out", *held_out(read_checkpoint(PRETRAINED)), classifier),
        digits_row("MNIST test", test.test_set.images, test.test_set.targets, classifier),
    ]


def refused(pages: list[np.ndarray]) -> np.ndarray:
    """Say for each page whether nothing on it is named: all that was found there is below the threshold.

    Returns:
        bool (len(pages),)
    """
    reader = Reader.pretrained()
    return np.array([all(digit.digit == "?" for digit in reader.read(page).digits) for page in pages])


def strangers(packages: list[str], seed: int) -> dict[str, np.ndarray]:
    """Draw strangers and say of each kind which are refused."""
    written = {letter: refused(pages) for letter, pages in letters(packages).items()}
    unlike = [verdicts for letter, verdicts in written.items() if letter not in ALIKE]
    return {
        "letters, all": np.concatenate(list(written.values())),
        "letters, those apart that look like a digit": np.concatenate(unlike),
        "those letters alone: " + " ".join(ALIKE): np.concatenate([written[letter] for letter in ALIKE]),
        "blots": refused(blots(500, seed)),
        "scribbles": refused(scribbles(500, seed)),
    }


def strangers_table() -> list[str]:
    """How many of each kind of stranger are refused, in the fonts that chose and in those that did not."""
    choosing, reporting = strangers(CHOOSING, seed=1), strangers(REPORTING, seed=2)
    rows = [
        f"| {kind} | {100 * choosing[kind].mean():.1f} of {len(choosing[kind])} "
        f"| {100 * reporting[kind].mean():.1f} of {len(reporting[kind])} |"
        for kind in reporting
    ]
    return ["| no digits | refused (%), choosing | refused (%), reporting |", "|---|---|---|", *rows]


def main() -> None:
    """Measure and write."""
    lines = [*digits_table(), "", *strangers_table()]
    print("\n".join(lines))
    write_section("measured", "\n".join(lines), CARD)


if __name__ == "__main__":
    main()
