"""Reading a checkpoint without running what it names, and building its classifier without Lightning."""

import pydoc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from digitrec.errors import CheckpointError
from digitrec.models.detector import DigitDetector
from digitrec.models.recognizer import Recognizer
from digitrec.models.renames import translate
from digitrec.models.specs import INSTANTIATOR, PLATEAU, WORD, instantiate, is_class_of_ours, unsaved

PRETRAINED = Path(__file__).parents[1] / "weights" / "digits.ckpt"
"""The pretrained weights; scripts/ship.py makes them."""

PATHS = frozenset({"data_dir", "pictures", "start_from", "classifier"})
"""Hyperparameters that are places on a disk."""

NO_EFFECT = PATHS | {"eval_batch_size", "num_workers"}
"""Hyperparameters of the data that change no training image and no result."""

_BEFORE = {"tta": None, "threshold": 0.41}
"""Values of hyperparameters that checkpoints of earlier releases don't have."""


def load_classifier(path: str | Path) -> Recognizer:
    """Read a checkpoint that digitrec wrote and build its classifier, on the CPU and in evaluation mode.

    Raises:
        CheckpointError: see ``read_checkpoint``; or the weights don't fit the network.
    """
    return build_classifier(read_checkpoint(path), path)


def build_classifier(checkpoint: dict[str, Any], path: str | Path) -> Recognizer:
    """Build the classifier of a checkpoint, as ``read_checkpoint`` returns it; ``path`` is for messages."""
    model = checkpoint["hyper_parameters"]
    check_kind(model, path)
    misfit = CheckpointError(f"The weights in {path} don't fit the network that it names.")
    prefix = "network."
    weights = {key: value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)}
    try:
        network = instantiate(model["network"])
        network.load_state_dict({key.removeprefix(prefix): value for key, value in weights.items()})
        tta = instantiate(model["tta"]) if model["tta"] else None
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise misfit from error
    return Recognizer(network, model.get("temperature", 1.0), tta, model["threshold"]).eval()


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that digitrec wrote: its ``state_dict``, ``hyper_parameters`` and the rest.

    Nothing that the file names is imported before it is known to be a class of ``digitrec`` or ``torch``.
    Names of earlier releases are translated to those of today.

    Raises:
        CheckpointError: the file is missing, damaged, holds pickled objects, is no checkpoint of digitrec, or
            names a class from elsewhere.
    """
    checkpoint = load_content(path)
    foreign = CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.")
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise foreign
    model = translate(checkpoint.get("hyper_parameters"), "model")
    data = translate(checkpoint.get("datamodule_hyper_parameters", {}), "data")
    if not isinstance(model, dict) or not isinstance(data, dict):
        raise foreign
    for reason in filter(None, map(unsaved, model.values())):
        raise CheckpointError(
            f"The checkpoint {path} cannot build {reason}; or read pictures where it is trained, by "
            "Reader(model.recognizer())."
        )
    data = {key: value for key, value in data.items() if not unsaved(value)}
    for name in foreign_names(model, data):
        raise CheckpointError(
            f"The checkpoint {path} names {name}, which is not a class of digitrec or torch, so it is not "
            "loaded: choose another checkpoint, or move the class into digitrec."
        )
    if not all(isinstance(model.get(key), dict) for key in ("network", "optimizer")):
        raise foreign
    before = {} if is_detector(model) else _BEFORE
    checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"] = before | model, data
    resume = checkpoint.get("callbacks", {}).get("ExactResume", {})
    resume["trainer"] = translate(resume.get("trainer", {}))
    return checkpoint


def is_detector(model: dict[str, Any]) -> bool:
    """Return whether hyperparameters are of the page detector; their names must be known to be ours."""
    network = model.get("network")
    path = network.get("class_path") if isinstance(network, dict) else network
    found = pydoc.locate(path) if isinstance(path, str) else None
    return isinstance(found, type) and issubclass(found, DigitDetector)


def check_kind(model: dict[str, Any], path: str | Path, detector: bool = False) -> None:
    """Refuse a checkpoint of the page detector where one of the classifier is wanted, or the reverse."""
    if is_detector(model) != detector:
        kind = "classifier" if detector else "page detector"
        raise CheckpointError(f"{path} is a checkpoint of the {kind}: choose another.")


def foreign_names(model: dict[str, Any], data: dict[str, Any]) -> Iterator[Any]:
    """Find the names in hyperparameters that a parser might import and that are no class of ours."""
    for hyper_parameters in (model, data):
        instantiator = hyper_parameters.pop("_instantiator", INSTANTIATOR)
        if instantiator != INSTANTIATOR:  # load_from_checkpoint would import and call it
            yield instantiator
    named = [{key: value for key, value in part.items() if key not in PATHS} for part in (model, data)]
    for name in _strings(named):
        if not WORD.fullmatch(name) and name != PLATEAU and not is_class_of_ours(name):
            yield name


def load_content(path: str | Path) -> Any:
    """Load the content of a checkpoint: tensors and plain values, after its checksums were verified.

    Raises:
        CheckpointError: the file is missing, damaged or no checkpoint, or holds Python objects.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint: give a file, best or last.")
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give a file, best or last.")
    try:
        with zipfile.ZipFile(path) as archive:
            intact = archive.testzip() is None  # PyTorch does not look at the checksums
        if intact:
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise CheckpointError(
            f"The checkpoint {path} holds Python objects, so it is not loaded: train again with this "
            "release, or choose another."
        ) from error
    except PermissionError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        EOFError,
        LookupError,
        ValueError,
        OSError,
    ) as error:
        raise CheckpointError(f"{path} is damaged, or no checkpoint at all: choose another.") from error
    raise CheckpointError(f"The checkpoint {path} is damaged: choose another.")


def _strings(value: Any) -> Iterator[str]:
    """Yield every string inside hyperparameters: a parser might take it for something to import."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value
