"""Accuracy on rendered pages, and what is invented on pages without digits: ``benchmark rendered``.

The report in docs/results/pictures.md is of MNIST's test images. Development uses ``--seed``, which renders
held-out training images: the test set is never used for model selection.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from digitrec.evaluation.metrics import calibration_bins, calibration_error
from digitrec.models.checkpoints import read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from scripts.lib.docs import PICTURES, markdown_table, write_section
from scripts.lib.mnist import mnist_test_set
from scripts.lib.page_results import PageResult, error_sheet, read_pages
from scripts.lib.readers import CURRENT, readers
from scripts.lib.rendering import Rendering
from scripts.lib.rendering.new_kinds import new_set, sign_pages
from scripts.lib.rendering.scenes import empty_pages, rendered_set
from scripts.ship import held_out

SEEDS = range(2026, 2031)
"""Seeds of the reported sets of pages; development uses others."""

EMPTY = 20
"""Pages without digits, and pages with signs only, in each set."""

BINS = 10
"""Bins of confidence in the reliability table."""

Results = dict[str, list[list[PageResult]]]
"""Results of each reader for each set of pages."""

COLUMNS = (
    *("page", "pages", "digits", "found", "read correctly", "refused", "silent errors"),
    *("false positives", "by name", "signs", "signs as `?`", "lines exact", "pages exact"),
)


def spread(sets: Sequence[Sequence[PageResult]]) -> str:
    """Return the accuracy in each of two or more sets of pages, their mean and standard deviation."""
    correct = ([each for result in results for each in result.correct()] for results in sets)
    shares = [100 * sum(of_set) / len(of_set) for of_set in correct]
    listed = ", ".join(f"{share:.1f}" for share in shares)
    return (
        f"Read correctly in the {len(sets)} sets: {listed} %; "
        f"mean {np.mean(shares):.2f}, standard deviation {np.std(shares, ddof=1):.2f}."
    )


def table(results: dict[str, list[PageResult]]) -> str:
    """Return accuracy by kind of page as Markdown; a cell has the figure of each reader."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for number, result in enumerate(next(iter(results.values()))):
        kinds[result.page.kind].append(number)
    rows: list[Sequence[str]] = [COLUMNS]
    for kind in sorted(kinds):
        rows.append(_row(kind, [[of_one[number] for number in kinds[kind]] for of_one in results.values()]))
    rows.append(_row("**all**", list(results.values())))
    return markdown_table(rows, right=range(1, len(COLUMNS)))


def _row(name: str, readers: Sequence[Sequence[PageResult]]) -> list[str]:
    pages = [result.page for result in readers[0]]
    digits, signs = sum(len(page.boxes) for page in pages), sum(len(page.marks) for page in pages)
    lines = sum(result.score.lines for result in readers[0])
    counts = list(zip(*map(_counts, readers), strict=True))
    wholes = (digits, digits, digits, 0, 0, 0, signs, lines, 0)
    shares = [_cell(each, whole) for each, whole in zip(counts, wholes, strict=True)]
    return [name, str(len(pages)), str(digits), *shares[:6], str(signs), *shares[6:]]


def _cell(counts: Iterable[int], whole: int) -> str:
    return " / ".join(f"{count / whole:.1%}" if whole else str(count) for count in counts)


def _counts(results: Sequence[PageResult]) -> tuple[int, ...]:
    """Return what the columns from ``found`` on count, but for ``signs``."""
    matched = [digit for result in results for digit in result.matched]
    invented = [digit for result in results for digit in result.false_positives]
    return (
        sum(digit is not None for digit in matched),
        sum(correct for result in results for correct in result.correct()),
        sum(digit is not None and digit.digit == "?" for digit in matched),
        sum(result.silent_errors() for result in results),
        len(invented),
        sum(digit.digit != "?" for digit in invented),
        sum(seen for result in results for seen in result.marked),
        sum(result.score.lines_exact for result in results),
        sum(result.score.exact for result in results),
    )


def invented(results: Sequence[PageResult], what: str) -> str:
    """Return a sentence on what was read on pages without digits."""
    counts = _counts(results)
    signs = sum(len(result.marked) for result in results)
    marked = f" {counts[6]} of {signs} signs are `?`." if signs else ""
    return (
        f"False positives on {len(results)} {what}: {counts[4]}, of which {counts[5]} by name "
        f"({counts[3]} silent errors).{marked}"
    )


def calibration(results: dict[str, list[PageResult]]) -> str:
    """Return the calibration of digits read by name as Markdown; false positives are incorrect."""
    named = {name: [each for result in of_one for each in result.named()] for name, of_one in results.items()}
    if not all(named.values()):
        return "A reader read no digit by name."
    arrays = [
        (np.array([sure for sure, _ in each]), np.array([ok for _, ok in each])) for each in named.values()
    ]
    errors = " / ".join(f"{100 * calibration_error(calibration_bins(*each)):.2f}" for each in arrays)
    bins = [calibration_bins(*each, BINS) for each in arrays]
    rows = [["confidence", "digits", "mean confidence", "correct"]]
    for number in range(BINS):
        if any(each.size[number] for each in bins):
            cells = [
                (str(b.size[number]), _share(b.confidence[number]), _share(b.accuracy[number])) for b in bins
            ]
            edges = f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}"
            rows.append([edges, *(" / ".join(cell) for cell in zip(*cells, strict=True))])
    return (
        "Expected calibration error of the digits read by name, on all pages with digits: "
        f"{errors} points.\n\n{markdown_table(rows, right=range(1, 4))}"
    )


def _share(value: float) -> str:
    """Return a share in percent; a bin without digits has none."""
    return "-" if np.isnan(value) else f"{value:.1%}"


def report(families: dict[str, Results], blank: Results, signs: Results) -> str:
    """Return the whole report as Markdown.

    Args:
        families: results on pages with digits, by the title of their table.
        blank: on pages without anything written.
        signs: on pages with signs only.
    """
    names = list(blank)
    parts = ["Figures with a slash: the previous reader / this one."] if len(names) > 1 else []

    def lead(name: str) -> str:
        return f"{name}: " if len(names) > 1 else ""

    for title, results in families.items():
        parts += [f"**{title}**", table({name: _joined(sets) for name, sets in results.items()})]
        parts += [lead(name) + spread(sets) for name, sets in results.items() if len(sets) > 1]
    for of_pages, what in (
        (blank, "blank, lined and squared pages without digits"),
        (signs, "pages with signs only"),
    ):
        parts += [lead(name) + invented(_joined(of_pages[name]), what) for name in names]
    parts.append(
        calibration({n: [r for results in families.values() for r in _joined(results[n])] for n in names})
    )
    return "\n\n".join(parts)


def _joined(sets: Sequence[Sequence[PageResult]]) -> list[PageResult]:
    return [result for of_set in sets for result in of_set]


def rendered(
    digits: int = 500,
    seed: int | None = None,
    weights: Path | None = None,
    errors: Path | None = None,
    previous: Path | None = None,
) -> None:
    """Measure on rendered pages, print a table and write the report into docs/results/pictures.md.

    Args:
        digits: how many are rendered in a set of either family.
        seed: None renders the report: MNIST's test images, a set for each of SEEDS. A seed renders one set of
            the images that the weights were not trained on; the docs are not changed.
        weights: a checkpoint; None takes the pretrained weights.
        errors: path of a picture of this reader's errors.
        previous: a clone at another commit, whose reader is compared.
    """
    images, labels = mnist_test_set() if seed is None else held_out(read_checkpoint(weights or PRETRAINED))
    pixels, known = images.numpy(), labels.tolist()
    makers: dict[str, Callable[[int], Iterable[Rendering]]] = {
        "Photographs, scans, forms, drawings, boards": lambda number: rendered_set(
            pixels, known, digits, number
        ),
        "New kinds": lambda number: new_set(pixels, known, digits, number),
        "blank": lambda number: empty_pages(EMPTY, number),
        "signs": lambda number: sign_pages(EMPTY, number),
    }
    results: dict[str, Results] = {title: defaultdict(list) for title in makers}
    with readers(weights, previous) as compared:
        for number in SEEDS if seed is None else [seed]:
            for title, pages in makers.items():
                for name, of_set in read_pages(compared, pages(number), keep=errors is not None).items():
                    results[title][name].append(of_set)
    if errors:
        error_sheet([r for of_pages in results.values() for r in _joined(of_pages[CURRENT])], str(errors))
    blank, signs = results.pop("blank"), results.pop("signs")
    text = report(results, blank, signs)
    print(text)
    if seed is None and weights is None:
        write_section("benchmark rendered", text, PICTURES)
    else:
        print(
            f"{PICTURES} is unchanged: it is about the pretrained weights and test images.",
            file=sys.stderr,
        )
