"""The rooms and who may use whom: the table of docs/design.md."""

import ast
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def table():
    """The rooms of docs/design.md, each with those that it may use."""
    rooms = {"__init__": set(), "__main__": {"cli"}}
    for line in (ROOT / "docs" / "design.md").read_text().splitlines():
        if row := re.fullmatch(r"\| `(\w+)` \|[^|]*\|([^|]*)\|", line):
            rooms[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    return rooms


MAY_USE = table()


def rooms_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if re.match(r"digitrec\.[a-z]", name))


def test_every_room_is_in_the_table():
    assert {path.stem for path in (ROOT / "digitrec").glob("*.py")} == set(MAY_USE)


@pytest.mark.parametrize("room", MAY_USE)
def test_imports_go_one_way(room):
    assert set(rooms_used(ROOT / "digitrec" / f"{room}.py")) <= MAY_USE[room]


HEAVY = {"matplotlib", "scipy", "onnx", "onnxruntime"}
NEEDS_SCIPY = {
    "crop",
    "frames",
    "ground",
    "ink",
    "masks",
    "parts",
    "rulings",
    "segment",
    "small",
    "touching",
}  # to find digits on a page


def imported_by(statement):
    code = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_start_up_imports_nothing_that_only_some_commands_need():
    assert not HEAVY & imported_by("import digitrec.cli")


@pytest.mark.parametrize("room", MAY_USE)
def test_what_only_some_commands_need_is_imported_where_it_is_used(room):
    # By its text as well: where they are not installed, the test above sees nothing.
    for node in ast.parse((ROOT / "digitrec" / f"{room}.py").read_text()).body:
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        allowed = {"scipy"} if room in NEEDS_SCIPY else set()
        assert not (HEAVY - allowed) & {name.split(".")[0] for name in names}


def test_importing_the_package_costs_nothing():
    assert not {"torch", "lightning", "numpy"} & imported_by("import digitrec")


def test_the_public_names_are_there_and_no_other_is():
    import digitrec

    assert digitrec.MLP.__module__ == "digitrec.models.mlp"
    assert all(hasattr(digitrec, name) for name in digitrec.__all__)
    with pytest.raises(AttributeError, match="no attribute 'CNN'"):
        digitrec.CNN  # noqa: B018
