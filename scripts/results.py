"""Draw the plots of docs/results.md and write its table, from docs/results/: python -m scripts.results.

Nothing is measured here. Each plot comes from what another script wrote: docs/results/runs/ by
scripts.reproduce, and the reliability table of docs/results/pictures.md by ``scripts.benchmark rendered``.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from matplotlib.figure import Figure

from scripts.lib.docs import PICTURES, RESULTS, write_section
from scripts.reproduce import RUNS, table

PAGE = Path("docs/results.md")
PUBLISHED = 98.03
"""Accuracy of the published recipe on MNIST's test images, in percent."""

BIN = re.compile(r"^\| (0\.\d) to (\d\.\d) \|(.*)\|$", re.MULTILINE)
"""A row of the reliability table."""


def records() -> list[dict[str, Any]]:
    """Return the runs of each config that was tested, the lowest accuracy first."""
    found = [json.loads(path.read_text()) for path in RUNS.glob("*.json")]
    tested = [record for record in found if record["runs"] and record["protocol"] != "choose"]
    return sorted(tested, key=lambda record: mean(run["test/acc"] for run in record["runs"]))


def draw_accuracy(path: Path) -> None:
    """Plot the error on the test images against the time of a run."""
    figure = Figure(figsize=(6.4, 4), dpi=150, layout="constrained")
    axes = figure.subplots()
    for record in records():
        errors = [100 * (1 - run["test/acc"]) for run in record["runs"]]
        seconds = median(run["seconds"] for run in record["runs"])
        spread = stdev(errors) if len(errors) > 1 else 0
        axes.errorbar(seconds, mean(errors), spread, fmt="o", capsize=3)
        axes.annotate(
            Path(record["config"]).name, (seconds, mean(errors)), (6, 6), textcoords="offset points"
        )
    axes.axhline(100 - PUBLISHED, color="gray", linestyle="--", linewidth=1)
    axes.text(30, 100 - PUBLISHED + 0.05, "published recipe, 200 epochs", color="gray")
    axes.set(
        xscale="log",
        xlabel="seconds of a run",
        ylabel="error on MNIST's test images (%)",
        xlim=(5, 20_000),
        ylim=(0, 2.5),
    )
    figure.savefig(path)


def reliability(text: str) -> list[tuple[float, float]]:
    """Return confidence and share of correct digits of each bin, of a table's last reader, in percent."""
    points = []
    for _, _, cells in BIN.findall(text):
        last = [cell.split("/")[-1].strip().rstrip("%") for cell in cells.split("|")]
        if last[1] != "-":
            points.append((float(last[1]), float(last[2])))
    return points


def draw_calibration(points: Sequence[tuple[float, float]], path: Path) -> None:
    """Plot how often digits are correct against their confidence."""
    figure = Figure(figsize=(4.4, 4), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="gray", linestyle="--", linewidth=1)
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="confidence (%)", ylabel="correct (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    figure.savefig(path)


def main() -> None:
    """Draw and write."""
    draw_accuracy(RESULTS / "accuracy.png")
    draw_calibration(reliability(PICTURES.read_text()), RESULTS / "calibration.png")
    write_section("all results", table(), PAGE)


if __name__ == "__main__":
    main()
