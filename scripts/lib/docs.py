"""Sections of README.md and docs/ that scripts write: each is between two comments that name it."""

import os
import platform
import re
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import torch

from digitrec.files import replacing
from scripts.lib.sections import commit, stamp

README = Path("README.md")
MODEL_CARD = Path("docs/model_card.md")
EXPERIMENTS = Path("docs/experiments.md")
RESULTS = Path("docs/results")
SPEED = RESULTS / "speed.md"
PICTURES = RESULTS / "pictures.md"
WEB = RESULTS / "web.md"
KILLS = RESULTS / "kills.md"
PROCESSES = RESULTS / "processes.md"
ATTACKS = RESULTS / "attacks.md"
PROMISES = Path("docs/promises.md")


def write_section(name: str, text: str, file: Path = README) -> None:
    """Replace the text of a section, and say what it is made from; see ``sections``.

    The file is replaced as a whole or not at all.

    Raises:
        ValueError: the file has no such section.
    """
    begin, end = f"<!-- {name}: written by a script -->\n", f"<!-- end of {name} -->"
    before, found, rest = file.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{file} has no section {name}")
    with replacing(file) as target:
        target.write((before + begin + text.strip() + "\n" + stamp(name) + end + after).encode())


def write_result(test: str, result: str) -> None:
    """Write the last result of a test into the table of docs/promises.md, with date and commit.

    Args:
        test: the command or file in the cell "tested by" of its row.
        result: a few words.

    Raises:
        ValueError: the table has no row of this test.
    """
    row = re.compile(rf"^(\| .* \| `{re.escape(test)}` \|).*$", re.MULTILINE)
    text, count = row.subn(rf"\1 {date.today()}, {commit()}: {result} |", PROMISES.read_text())
    if not count:
        raise ValueError(f"{PROMISES} has no row that is tested by {test}")
    with replacing(PROMISES) as target:
        target.write(text.encode())


def report(section: str, lines: list[str], file: Path = README) -> None:
    """Print lines and write them into a section of a file."""
    print(*lines, sep="\n")
    write_section(section, "\n".join(lines), file)


def machine() -> str:
    """Return cores, threads and versions, for the line above a table."""
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{cores}, Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}"


def markdown_table(rows: Sequence[Sequence[object]], right: Collection[int] = ()) -> str:
    """Return rows as a Markdown table.

    Args:
        rows: the first is the header.
        right: columns, from 0, that are aligned to the right.
    """
    rule = ["---:" if column in right else "---" for column in range(len(rows[0]))]
    lines = [" | ".join(map(str, cells)) for cells in (rows[0], rule, *rows[1:])]
    return "\n".join(f"| {line} |" for line in lines)


def mean_and_deviation(values: Sequence[float], places: int) -> str:
    """Return mean and standard deviation of shares in percent; the mean alone for one value."""
    deviation = f" ± {100 * stdev(values):.{places}f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.{places}f}{deviation}"
