"""The numbers of the Python reader for the reader in JavaScript, so that none is written twice."""

import json
from dataclasses import asdict
from types import ModuleType
from typing import Any

from digitrec.models.pretrained import CHUNK, SIDE
from digitrec.models.recognizer import Recognizer
from digitrec.reading import reader, turns
from digitrec.reading.detection import decoding, lines, mnist_image, mnist_like, page_detector, tight_cuts
from digitrec.reading.detection.scale_policy import ScalePolicy
from digitrec.reading.pictures import decoding as files
from digitrec.reading.pictures import grayscale
from digitrec.reading.pictures import page as pages

_MODULES = {
    "decoding": decoding,
    "files": files,
    "lines": lines,
    "mnist_image": mnist_image,
    "mnist_like": mnist_like,
    "page_detector": page_detector,
    "pages": pages,
    "reader": reader,
    "tight_cuts": tight_cuts,
    "turns": turns,
}
"""Modules whose constants are written, by their names in JavaScript."""


def constants(classifier: Recognizer) -> dict[str, dict[str, Any]]:
    """Collect the numbers by module, and those of the dataclasses by stage."""
    return {
        **{name: _numbers(module) for name, module in _MODULES.items()},
        "policy": asdict(ScalePolicy()),
        "limits": asdict(decoding.DecodingLimits()),
        "gray": asdict(grayscale.POLICY),
        "recognizer": {"CHUNK": CHUNK, "SIDE": SIDE, "threshold": classifier.threshold},
    }


def as_module(groups: dict[str, dict[str, Any]]) -> str:
    """Return the constants as a module of JavaScript, one JSON object a line."""
    lines = [f"export const {name} = {json.dumps(values)};" for name, values in sorted(groups.items())]
    return "\n".join(["// Written by `digitrec web --export` from the Python modules.", *lines, ""])


def _numbers(module: ModuleType) -> dict[str, Any]:
    """Return the public constants of a module that are numbers or tuples, its imported ones as well."""
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and name[0] != "_" and isinstance(value, int | float | tuple)
    }
