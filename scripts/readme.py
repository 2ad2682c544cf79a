"""The parts of README.md and of docs that scripts write: each stands between two comments that name it."""

from pathlib import Path

README = Path("README.md")


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
    temporary = file.with_name(file.name + ".tmp")
    temporary.write_text(before + begin + text.strip() + "\n" + end + after)
    temporary.replace(file)
