"""The parts of README.md that scripts write: each stands between two comments that name it."""

from pathlib import Path

README = Path("README.md")


def write_section(name: str, text: str) -> None:
    """Put text between the comments of a section; the file is replaced whole or not at all.

    Raises:
        ValueError: README.md has no such section.
    """
    begin, end = f"<!-- {name}: written by a script -->\n", f"<!-- end of {name} -->"
    before, found, rest = README.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{README} has no section {name}")
    temporary = README.with_name(README.name + ".tmp")
    temporary.write_text(before + begin + text.strip() + "\n" + end + after)
    temporary.replace(README)
