"""The rooms and who may use whom: the table of docs/design.md."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

MAY_USE = {
    "__init__": set(),
    "__main__": {"cli"},
    "augment": set(),
    "callbacks": set(),
    "checkpoints": set(),
    "classifier": set(),
    "cli": {"callbacks", "checkpoints", "classifier", "data", "download", "lean", "messages"},
    "data": {"augment", "download", "images"},
    "download": set(),
    "images": set(),
    "lean": set(),
    "messages": set(),
    "networks": set(),
}


def rooms_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("digitrec"):
            yield (node.module or "").removeprefix("digitrec").lstrip(".") or "__init__"
        elif isinstance(node, ast.Import):
            yield from (
                name.name.partition(".")[2] for name in node.names if name.name.startswith("digitrec")
            )


def test_every_room_is_in_the_table():
    assert {path.stem for path in (ROOT / "digitrec").glob("*.py")} == set(MAY_USE)


@pytest.mark.parametrize("room", MAY_USE)
def test_imports_go_one_way(room):
    assert set(rooms_used(ROOT / "digitrec" / f"{room}.py")) <= MAY_USE[room]


def imported_by(statement):
    code = f"{statement}; import sys; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.split()
    )


def test_start_up_imports_nothing_that_only_some_commands_need():
    assert not {"matplotlib", "scipy", "onnx", "onnxruntime"} & imported_by("import digitrec.cli")


def test_importing_the_package_costs_nothing():
    assert not {"torch", "lightning", "numpy"} & imported_by("import digitrec")


def test_the_public_names_are_there_and_no_other_is():
    import digitrec

    assert digitrec.MLP.__module__ == "digitrec.networks"
    assert all(hasattr(digitrec, name) for name in digitrec.__all__)
    with pytest.raises(AttributeError, match="no attribute 'CNN'"):
        digitrec.CNN  # noqa: B018
