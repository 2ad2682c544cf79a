"""Importing torchmetrics without SciPy, matplotlib and torchvision.

Where they are installed torchmetrics imports them, for metrics and plots that are not used here, and every
start takes longer. While torchmetrics is imported they are hidden from it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError

_HIDDEN = ("matplotlib", "scipy", "torchvision")


def import_torchmetrics() -> None:
    """Import torchmetrics without SciPy, matplotlib and torchvision, if none of them has been imported yet.

    To be called before Lightning is imported, which imports torchmetrics.
    """
    if not {"torchmetrics", *_HIDDEN} & sys.modules.keys():
        with _hidden():
            import torchmetrics  # noqa: F401


@contextmanager
def _hidden() -> Iterator[None]:
    from lightning_utilities.core import imports

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
