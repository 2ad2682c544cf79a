"""Checkpoints: reading one without running what it names, and what contradicts it."""

import pydoc
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

PRETRAINED = Path(__file__).parents[1] / "weights" / "digits.ckpt"
"""The checkpoint that ships; scripts/ship.py makes it."""

THRESHOLD = 0.41
"""The confidence below which a digit in a picture is ``?``; chosen by scripts/ship.py on held-out images."""

_INSTANTIATOR = "lightning.pytorch.cli.instantiate_module"
_PLATEAU = "lightning.pytorch.cli.ReduceLROnPlateau"  # torch's own does not say what it watches
_PATHS = frozenset(
    {"data_dir", "pictures"}
)  # hyperparameters of the data that are a place on a disk, not a name
_WORD = re.compile(r"[\w/-]*")  # no parser can read a class path in it, or YAML that holds one


class CheckpointError(RuntimeError):
    """No checkpoint as asked for, or one that must not be loaded; the message is for the user."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint that digitrec wrote: its ``state_dict``, ``hyper_parameters`` and the rest.

    Nothing that the file names is imported before it is known to be a class of ``digitrec`` or ``torch``.

    Raises:
        CheckpointError: the file is missing, damaged, holds pickled objects, is no checkpoint of digitrec, or
            names a class from elsewhere.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint: give a file, best or last.")
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give a file, best or last.")
    checkpoint = _load(path)
    foreign = CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.")
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise foreign
    model = checkpoint.get("hyper_parameters")
    data = checkpoint.setdefault("datamodule_hyper_parameters", {})
    if not isinstance(model, dict) or not isinstance(data, dict):
        raise foreign
    for name in foreign_names(model, data):
        raise CheckpointError(
            f"The checkpoint {path} names {name}, which is no class of digitrec or torch, so it is not "
            "loaded: choose another, or move the class into digitrec."
        )
    if not all(isinstance(model.get(key), dict) for key in ("network", "optimizer")):
        raise foreign
    model.setdefault("views", None)  # from before there were any
    return checkpoint


def foreign_names(model: dict[str, Any], data: dict[str, Any]) -> Iterator[Any]:
    """Find what hyperparameters name, and a parser or Lightning might import, that is no class of ours."""
    for hyper_parameters in (model, data):
        instantiator = hyper_parameters.pop("_instantiator", _INSTANTIATOR)
        if instantiator != _INSTANTIATOR:  # load_from_checkpoint would import and call it
            yield instantiator
    for name in _strings([model, {key: value for key, value in data.items() if key not in _PATHS}]):
        if not _WORD.fullmatch(name) and name != _PLATEAU and not _is_class_of_ours(name):
            yield name


def _load(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            intact = archive.testzip() is None  # PyTorch does not look at the checksums
        if intact:
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise CheckpointError(
            f"The checkpoint {path} holds more than weights and values, so it is not loaded: choose another."
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


def check_config(config: dict[str, Any], subcommand: str, checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse what a subcommand's config says against the checkpoint that it is to run with.

    Args:
        config: with ``model``, ``data`` and ``weights_only``.
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        checkpoint: as ``read_checkpoint`` gives it.
        path: where it was read, for the message.

    Raises:
        CheckpointError: another model, a split that validates on training images, nothing to validate on.
    """
    if config["weights_only"] is False:
        raise CheckpointError("--weights_only false lets a checkpoint run code: leave it out.")
    for key, given, known in differences(config["model"], checkpoint["hyper_parameters"]):
        raise CheckpointError(
            f"model.{key} is {shown(given)} but {shown(known)} in the checkpoint {path}, which knows its "
            "own model: leave the key out, or choose another checkpoint with --ckpt_path."
        )
    if subcommand in ("fit", "validate"):
        _check_split(config["data"], checkpoint["datamodule_hyper_parameters"], path)
    if subcommand == "validate" and not config["data"]["val_size"]:
        raise CheckpointError("There is nothing to validate on: data.val_size is 0. Use test.")


def _check_split(data: dict[str, Any], known: dict[str, Any], path: Path) -> None:
    """The held-out images are the first of an order that the seed gives: fewer of them are still unseen."""
    if not {"val_size", "split_seed"} <= known.keys():
        return
    for key, fits in (
        ("split_seed", data["split_seed"] == known["split_seed"] or not data["val_size"]),
        ("val_size", data["val_size"] <= known["val_size"]),
    ):
        if not fits:
            raise CheckpointError(
                f"data.{key} is {data[key]} but {known[key]} in the checkpoint {path}: it would be validated "
                f"on images that it was trained on. Say --data.{key} {known[key]}, or choose another."
            )


def differences(
    given: dict[str, Any], known: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Find the keys that both hyperparameters have with another value: (key, given value, known value)."""
    for key in sorted(given.keys() & known.keys()):
        ours, theirs = _plain(given[key]), _plain(known[key])
        if key == "class_path" and pydoc.locate(ours) is pydoc.locate(theirs):
            continue  # digitrec.MLP is digitrec.models.mlp.MLP
        if isinstance(ours, dict) and isinstance(theirs, dict):
            inner = list(differences(ours, theirs, f"{prefix}{key}."))
            yield from inner[:1]  # of another class the arguments don't compare
        elif ours != theirs:
            yield f"{prefix}{key}", ours, theirs


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def shown(value: Any) -> Any:
    """A value as it stands in a config; a class without its arguments."""
    return value.get("class_path", value) if isinstance(value, dict) else "null" if value is None else value


def _strings(value: Any) -> Iterator[str]:
    """Every string inside hyperparameters: a parser might take it for something to import."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def _is_class_of_ours(name: str) -> bool:
    if not name.startswith(("digitrec.", "torch.")) or not name.replace(".", "").isidentifier():
        return False
    # The prefix is not enough: torch.os.system is a name under torch, too.
    try:
        found = pydoc.locate(name)
    except pydoc.ErrorDuringImport:
        return False
    return isinstance(found, type) and found.__module__.split(".")[0] in ("digitrec", "torch")
