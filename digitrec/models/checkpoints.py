"""Reading a checkpoint without running what it names, and building its classifier without Lightning."""

import pydoc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitrec.errors import CheckpointError, sentence
from digitrec.models.content import foreign, load_content, strings
from digitrec.models.detector import DigitDetector
from digitrec.models.normalization import SIDE
from digitrec.models.recognizer import Recognizer
from digitrec.models.renames import translate
from digitrec.models.specs import (
    INSTANTIATOR,
    PLATEAU,
    WORD,
    LimitedCalls,
    instantiate,
    is_class_of_ours,
    unsaved,
)
from digitrec.models.tta import TTA

PATHS = frozenset({"data_dir", "pictures", "start_from", "classifier", "extra_dir"})
"""Hyperparameters that are places on a disk."""

NO_EFFECT = PATHS - {"extra_dir"} | {"eval_batch_size", "num_workers"}
"""Hyperparameters of the data that change no training image and no result."""

_BEFORE = {"tta": None, "threshold": 0.41}
"""Values of hyperparameters that checkpoints of earlier releases don't have."""


def load_classifier(path: str | Path) -> Recognizer:
    """Read a checkpoint that digitrec wrote and build its classifier, on the CPU and in evaluation mode.

    Raises:
        CheckpointError: see ``read_checkpoint`` and ``build_classifier``.
    """
    return build_classifier(read_checkpoint(path), path)


def build_classifier(checkpoint: dict[str, Any], path: str | Path) -> Recognizer:
    """Build the classifier of a checkpoint, as ``read_checkpoint`` returns it; ``path`` is for messages.

    Raises:
        CheckpointError: the checkpoint is of the page detector, its weights don't fit the network, or the
            network does not return ten finite numbers for an image.
    """
    check_network(checkpoint, path)
    model = checkpoint["hyper_parameters"]
    try:
        weights = _weights(checkpoint)
        with LimitedCalls(len(weights)):
            network = instantiate(model["network"], nn.Module)
        network.load_state_dict(weights)
        tta = instantiate(model["tta"], TTA) if model["tta"] else None
        recognizer = Recognizer(network, float(model.get("temperature", 1)), tta, float(model["threshold"]))
        probabilities = recognizer.eval().probabilities(torch.zeros(2, SIDE, SIDE, dtype=torch.uint8))
    except Exception as error:  # a network may raise any
        raise CheckpointError(f"The network in {path} cannot be used: {sentence(error)}") from error
    if probabilities.shape != (2, 10):
        raise CheckpointError(f"The network in {path} does not recognize ten digits: choose another.")
    return recognizer


def check_network(checkpoint: dict[str, Any], path: str | Path, detector: bool = False) -> None:
    """Refuse weights that are infinite or don't fit the network, and a network of the other kind.

    The network is built on the meta device, which has shapes but takes no memory.

    Args:
        checkpoint: as ``read_checkpoint`` returns it.
        path: for messages.
        detector: whether it has to be the page detector; otherwise the classifier.

    Raises:
        CheckpointError: the checkpoint is refused.
    """
    model = checkpoint["hyper_parameters"]
    if is_detector(model) != detector:
        kind = "classifier" if detector else "page detector"
        raise CheckpointError(f"{path} is a checkpoint of the {kind}: choose another.")
    weights = _weights(checkpoint)
    misfit = CheckpointError(f"The weights in {path} don't fit the network that it names.")
    try:
        with torch.device("meta"), LimitedCalls(len(weights)):
            network = instantiate(model["network"], nn.Module)
        shapes = {name: value.shape for name, value in network.state_dict().items()}
    except Exception as error:
        spec = model["network"]
        ours = str(spec["class_path"]).startswith("digitrec.")
        nested = "class_path" in str(spec.get("init_args"))
        if ours and not nested and isinstance(error, RuntimeError):  # torch's: a network may compute with
            return  # values when it is built; whoever builds it reports what else is wrong
        raise misfit from error
    if shapes != {name: value.shape for name, value in weights.items()}:
        raise misfit
    for name, _ in network.named_parameters():  # a buffer may be a mask of -inf
        if not weights[name].isfinite().all():
            raise CheckpointError(f"The weights {name} in {path} are infinite: choose another checkpoint.")


def _weights(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    prefix = "network."
    state: dict[str, Tensor] = checkpoint["state_dict"]
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that digitrec wrote: its ``state_dict``, ``hyper_parameters`` and the rest.

    Nothing that the file names is imported before it is known to be a class of ``digitrec``, ``torch.nn`` or
    ``torch.optim``.
    Names of earlier releases are translated to those of today.

    Raises:
        CheckpointError: see ``load_content``; or it is no checkpoint of digitrec, or names a class from
            elsewhere.
    """
    checkpoint = load_content(path)
    resume = checkpoint.get("callbacks", {}).get("ExactResume", {})
    model, data = checkpoint.get("hyper_parameters"), checkpoint.get("datamodule_hyper_parameters", {})
    parts = {"model": model, "data": data, "resume": resume}
    if not all(isinstance(part, dict) for part in parts.values()):
        raise foreign(path)
    try:
        list(strings(parts))
    except ValueError as error:
        raise foreign(path) from error
    model, data = translate(model, "model"), translate(data, "data")
    for reason in filter(None, map(unsaved, model.values())):
        raise CheckpointError(
            f"The checkpoint {path} cannot build {reason}; or read pictures where it is trained, by "
            "Reader(model.recognizer())."
        )
    data = {key: value for key, value in data.items() if not unsaved(value)}
    for name in foreign_names(model, data):
        raise CheckpointError(
            f"The checkpoint {path} names {name}, which is not a class of digitrec.models, digitrec.data, "
            "torch.nn or torch.optim, so it is not loaded: choose another checkpoint, or move the class into "
            "digitrec.models."
        )
    if not all(isinstance(model.get(key), dict) for key in ("network", "optimizer")):
        raise foreign(path)
    before = {} if is_detector(model) else _BEFORE
    checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"] = before | model, data
    resume["trainer"] = translate(resume.get("trainer", {}))
    return checkpoint


def is_detector(model: dict[str, Any]) -> bool:
    """Return whether hyperparameters are of the page detector; their names must be known to be ours."""
    network = model.get("network")
    path = network.get("class_path") if isinstance(network, dict) else network
    found = pydoc.locate(path) if isinstance(path, str) else None
    return isinstance(found, type) and issubclass(found, DigitDetector)


def foreign_names(model: dict[str, Any], data: dict[str, Any]) -> Iterator[Any]:
    """Find the names in hyperparameters that a parser might import and that are no class of ours."""
    for hyper_parameters in (model, data):
        instantiator = hyper_parameters.pop("_instantiator", INSTANTIATOR)
        if instantiator != INSTANTIATOR:  # load_from_checkpoint would import and call it
            yield instantiator
    named = [{key: value for key, value in part.items() if key not in PATHS} for part in (model, data)]
    try:
        for name in strings(named):
            if not WORD.fullmatch(name) and name != PLATEAU and not is_class_of_ours(name):
                yield name
    except ValueError as error:
        yield error
