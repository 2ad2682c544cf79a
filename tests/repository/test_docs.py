"""The documentation names only files, classes and commands that exist."""

import importlib.util
import pydoc
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
EXAMPLES = {"digitrec.models.CNN", "digitrec.models.NAME", "digitrec.training.callbacks.NAME", "scripts.NAME"}
"""What the reader is told to write, or to replace."""


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_program(name: str) -> bool:
    """Whether ``python -m NAME`` finds a module, or a package that can be run."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    return spec is not None


@by_name(DOCUMENTS)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@by_name([*DOCUMENTS, *CONFIGS])
def test_every_class_path_leads_to_a_class(path: Path):
    names = set(re.findall(r"\b(?:digitrec|lightning|torch)(?:\.[a-z_]+)*\.[A-Z]\w+", path.read_text()))
    assert [name for name in sorted(names - EXAMPLES) if pydoc.locate(name) is None] == []


@by_name([*DOCUMENTS, *CONFIGS])
def test_every_command_names_a_module(path: Path):
    names = set(re.findall(r"(?:python|\\\n *)\s*-m ((?:digitrec|scripts)[\w.]*\w)", path.read_text()))
    assert [name for name in sorted(names - EXAMPLES) if not is_program(name)] == []
