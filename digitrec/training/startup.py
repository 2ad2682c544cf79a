"""Importing this before Lightning imports torchmetrics without SciPy and matplotlib.

Where they are installed torchmetrics loads both, for metrics that are not used here and to draw with: every
start takes longer. While it is imported it is told that they are not there; others import them as ever.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError

from lightning_utilities.core import imports

_HIDDEN = ("matplotlib", "scipy")


@contextmanager
def _hidden() -> Iterator[None]:
    known = vars(imports)["_version"]

    def version(name: str) -> str:
        if name in _HIDDEN:
            raise PackageNotFoundError(name)
        return str(known(name))

    vars(imports)["_version"] = version
    sys.modules |= dict.fromkeys(_HIDDEN)  # type: ignore[arg-type]  # None: there is no such module
    try:
        yield
    finally:
        vars(imports)["_version"] = known
        for name in _HIDDEN:
            del sys.modules[name]


if not {"torchmetrics", *_HIDDEN} & sys.modules.keys():
    with _hidden():
        import torchmetrics  # noqa: F401
