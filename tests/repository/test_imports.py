"""What an import loads, in two child processes: each one that imports PyTorch takes seconds."""

import subprocess
import sys

import pytest

PRINT_MODULES = "print(*sys.modules)"


def child_process(folder, *lines):
    """Run lines of Python in a new process in a folder; return the words of each line that they print."""
    code = "\n".join(["import sys", *lines])
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [line.split() for line in run.stdout.splitlines()]


HEAVY = {
    "import digitrec": {"torch", "lightning", "numpy"},
    "import digitrec.__main__": {"torch", "lightning", "numpy"},
    "import digitrec.reading.reader": {"torch", "lightning", "matplotlib"},
    "import digitrec.read": {"torch", "lightning", "matplotlib"},
    "import digitrec.web.__main__": {"torch", "lightning", "matplotlib"},
    "import digitrec.export.__main__": {"lightning", "matplotlib", "onnx", "onnxruntime"},
}
"""Import statements, executed in this order in one process, and the packages that each must not load."""
STARTUP = "from digitrec.training.compat.startup import import_torchmetrics; import_torchmetrics()"
OTHERS = "[m for m in sys.modules if m.partition('.')[0] not in ('digitrec', 'torchmetrics')]"


@pytest.fixture(scope="module")
def without_lightning(tmp_path_factory):
    """The output of a process that imports everything but the command line, above a folder digitrec."""
    folder = tmp_path_factory.mktemp("above the clone")
    (folder / "digitrec").mkdir()
    *modules, reader, added = child_process(
        folder,
        *(line for statement in HEAVY for line in (statement, PRINT_MODULES)),
        "print(digitrec.Reader.__module__)",
        f"import torchmetrics; before = {OTHERS}; {STARTUP}; print(len({OTHERS}) - len(before))",
    )
    return dict(zip(HEAVY, modules, strict=True)), reader, added


@pytest.mark.parametrize("statement", HEAVY)
def test_heavy_packages_are_imported_only_where_needed(statement, without_lightning):
    modules, _, _ = without_lightning
    assert statement.removeprefix("import ") in modules[statement]
    assert not HEAVY[statement] & set(modules[statement])


def test_package_is_importable_from_the_folder_above_the_clone(without_lightning):
    """As in an editable install, which adds the clone to sys.path by a .pth file."""
    assert without_lightning[1] == ["digitrec.reading.reader"]


def test_imported_torchmetrics_is_left_unchanged(without_lightning):
    assert without_lightning[2] == ["0"]


def test_command_line_imports_what_torchmetrics_imports_only_later(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("scipy")
    later = ("matplotlib.figure", "scipy.ndimage", "torchvision.ops")
    modules, *names = child_process(
        tmp_path,
        f"{STARTUP}; import digitrec.cli",
        PRINT_MODULES,
        *(f"import {name}; print({name}.__name__)" for name in later),
    )
    assert "digitrec.cli" in modules
    assert not {"matplotlib", "scipy", "torchvision", "onnx", "onnxruntime"} & set(modules)
    assert names == [[name] for name in later]
