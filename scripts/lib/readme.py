"""What scripts write into README.md and docs: each part stands between two comments that name it."""

import os
import platform
from pathlib import Path

import torch

from digitrec.files import replacing

README = Path("README.md")
SPEED = Path("docs/speed.md")
PAGE = Path("docs/page.md")


def write_section(name: str, text: str, file: Path = README) -> None:
    """Put text between the comments of a section; the file is replaced whole or not at all.

    Raises:
        ValueError: the file has no such section.
    """
    begin, end = f"<!-- {name}: written by a script -->\n", f"<!-- end of {name} -->"
    before, found, rest = file.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{file} has no section {name}")
    with replacing(file) as target:
        target.write((before + begin + text.strip() + "\n" + end + after).encode())


def report(section: str, lines: list[str], file: Path = README) -> None:
    """Print a table and write it into its section of a file."""
    print(*lines, sep="\n")
    write_section(section, "\n".join(lines), file)


def machine() -> str:
    """Cores and versions, for the line above a table."""
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{cores}, Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}"
