"""The layers of the package: which modules may import which."""

import ast

from tests.conftest import ROOT

LAYERS = [
    {"errors", "files", "_lazy", "evaluation"},
    {"models"},
    {"runs", "reading"},
    {"data", "web"},
    {"training", "export"},
    {"cli"},
    {"__main__"},
]
"""Lowest first. A module may import from its own layer's package and from lower layers."""


def packages_imported(path):
    """The packages of digitrec that a file imports anywhere, also in functions and for type checkers."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [node.module] if node.module != "digitrec" else [f"digitrec.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("digitrec."))


def test_imports_point_to_lower_layers():
    rank = {package: number for number, layer in enumerate(LAYERS) for package in layer}
    package_files = (ROOT / "digitrec").rglob("*.py")
    for path in (p for p in package_files if p != ROOT / "digitrec" / "__init__.py"):
        own = path.relative_to(ROOT / "digitrec").parts[0].removesuffix(".py")
        for used in packages_imported(path):
            assert used in (own, "__version__") or rank[used] < rank[own], f"{path} imports digitrec.{used}"


def test_only_compat_uses_private_names_of_other_packages():
    ours = ("self", "cls", "options")
    for path in (ROOT / "digitrec").rglob("*.py"):
        if "compat" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[1] != "_":
                base = node.value.id if isinstance(node.value, ast.Name) else ast.unparse(node.value)
                assert base in ours or node.attr in ("_replace",), f"{path}:{node.lineno}: {base}.{node.attr}"
