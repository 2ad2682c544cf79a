"""The layers of the package: which modules may import which."""

import ast

from tests.conftest import ROOT

MAY_IMPORT = {
    "errors": set(),
    "arguments": {"errors"},
    "exit_status": {"errors"},
    "files": set(),
    "npm": set(),
    "_lazy": set(),
    "evaluation": set(),
    "models": {"_lazy", "errors", "files"},
    "runs": {"errors", "models"},
    "reading": {"errors", "files", "models"},
    "read": {"arguments", "errors", "exit_status", "files", "models", "reading", "runs"},
    "configs": {"arguments", "errors", "exit_status"},
    "web": {"arguments", "errors", "exit_status", "export", "models", "npm", "reading", "runs"},
    "data": {"_lazy", "errors", "evaluation", "files", "models", "npm", "reading"},
    "export": {"arguments", "errors", "exit_status", "files", "models", "runs", "data"},
    "training": {"arguments", "errors", "files", "evaluation", "models", "runs", "reading", "data"},
    "cli": {"errors", "exit_status", "models", "data", "training"},
    "__main__": {"arguments", "errors", "exit_status", "training"},
}
"""The packages that each package may import, besides itself."""


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


def test_imports_follow_the_layers():
    for path in (ROOT / "digitrec").rglob("*.py"):
        own = path.relative_to(ROOT / "digitrec").parts[0].removesuffix(".py")
        if own != "__init__":
            used = set(packages_imported(path)) - {own, "__version__"}
            assert used <= MAY_IMPORT[own], f"{path} imports {used - MAY_IMPORT[own]}"


def test_only_compat_uses_private_names_of_other_packages():
    ours = ("self", "cls", "options")
    for path in (ROOT / "digitrec").rglob("*.py"):
        if "compat" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[1] != "_":
                base = node.value.id if isinstance(node.value, ast.Name) else ast.unparse(node.value)
                assert base in ours or node.attr in ("_replace", "_fields", "_exit"), (
                    f"{path}:{node.lineno}: {base}.{node.attr}"
                )
            if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("digitrec"):
                private = [name.name for name in node.names if name.name.startswith("_")]
                assert not private, f"{path}:{node.lineno}: {private}"
