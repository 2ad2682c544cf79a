"""What configs and checkpoints say instead of a pickle: the path of a class and its plain arguments."""

import functools
import inspect
import pydoc
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.overrides import TorchFunctionMode

INSTANTIATOR = "lightning.pytorch.cli.instantiate_module"
"""What load_from_checkpoint builds a LightningModule with."""

PLATEAU = "lightning.pytorch.cli.ReduceLROnPlateau"
"""The only class of Lightning in a checkpoint: torch's own has no monitor."""

NOT_SAVED = "not_saved"
"""Key of a sentence that says why a value could not be saved."""

WORD = re.compile(r"[\w/-]*")
"""No parser can read a class path in it, or YAML that holds one."""

OURS = re.compile(r"(digitrec|torch\.nn|torch\.optim)(\.[A-Za-z]\w*)+", re.ASCII)
"""Paths of the classes that configs and checkpoints may name."""

_PARTS = ("digitrec.models.", "digitrec.data.")
"""Packages whose classes may all be named; of others only networks, optimizers and schedules."""

_CALLS = 100
"""Calls of PyTorch for each tensor of a network while it is built, at most; a layer of torch.nn needs 5."""


def stored(owner: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters as a checkpoint stores them; those of the command line already are: nothing.

    Args:
        owner: ``model`` or ``data``, for the message in place of what cannot be saved.
        values: arguments of a LightningModule or LightningDataModule.
    """
    if "_instantiator" in values:
        return {}
    result: dict[str, Any] = {"_instantiator": INSTANTIATOR}
    for key, value in values.items():
        try:
            result[key] = describe(value)
        except TypeError as error:
            result[key] = {NOT_SAVED: f"{owner}.{key}, which is {error}"}
    return result


def unsaved(value: Any) -> str | None:
    """Return the sentence in place of a hyperparameter that could not be saved."""
    return value.get(NOT_SAVED) if isinstance(value, Mapping) else None


def describe(value: Any) -> Any:
    """Describe a value by plain ones.

    A class, or functools.partial of one, becomes its path and the arguments. Those of an object are its
    attributes of the same names, as in scikit-learn, perhaps after an underscore.

    Raises:
        TypeError: it cannot be built again; the message says what it is and what to do.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [describe(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, type):
        return {"class_path": class_path(value), "init_args": {}}
    if isinstance(value, functools.partial) and not value.args and isinstance(value.func, type):
        arguments = {key: describe(each) for key, each in value.keywords.items()}
        return {"class_path": class_path(value.func), "init_args": arguments}
    if isinstance(value, functools.partial) or hasattr(value, "__name__"):
        name = getattr(value, "__name__", "functools.partial")
        raise TypeError(f"a function, {name}: use a class, or functools.partial of one with keywords")
    return _describe_object(value)


def class_path(cls: type) -> str:
    """Return the path of a class in its package, or else in its module.

    Raises:
        TypeError: it is no class of digitrec, torch.nn or torch.optim.
    """
    parts = cls.__module__.split(".")
    packages = [".".join(parts[:length]) for length in (*range(len(parts) - 1, 1, -1), len(parts))]
    for path in (f"{package}.{cls.__qualname__}" for package in packages):
        if path == PLATEAU or (is_class_of_ours(path) and pydoc.locate(path) is cls):
            return path
    raise TypeError(
        f"{cls.__name__} of {cls.__module__}, no class of digitrec, torch.nn or torch.optim: move it into "
        "digitrec/models"
    )


def is_class_of_ours(name: str) -> bool:
    """Return whether a name is the path of a network, an optimizer, a schedule or a part of the data.

    It must be of digitrec, torch.nn or torch.optim. No other module is imported, and no private one: a
    ``__main__`` runs when it is imported. Other classes may do more than store their arguments: DigitCLI
    trains.
    """
    if not OURS.fullmatch(name):
        return False
    # The prefix is not enough: torch.nn.functional.torch.os.system is a name under torch.nn, too.
    try:
        found = pydoc.locate(name)
    except pydoc.ErrorDuringImport:
        return False
    if not isinstance(found, type):
        return False
    path = f"{found.__module__}.{found.__qualname__}"
    built = path.startswith(_PARTS) or issubclass(found, nn.Module | Optimizer | LRScheduler)
    return built and OURS.match(path) is not None


def instantiate(spec: dict[str, Any], kind: type = object) -> Any:
    """Build an object from ``class_path`` and ``init_args``; the class has been checked.

    Raises:
        TypeError: it, or an object among its arguments, is not of the kind.
        Exception: those of the class.
    """
    cls: Any = pydoc.locate(spec["class_path"])
    if not issubclass(cls, kind):
        raise TypeError(f"{spec['class_path']} is no {kind.__name__}")
    arguments = {
        key: instantiate(value, kind) if isinstance(value, dict) and "class_path" in value else value
        for key, value in (spec.get("init_args") or {}).items()
    }
    return cls(**arguments)


class LimitedCalls(TorchFunctionMode):
    """A context in which a network is built: it ends one that takes far more layers than there are weights.

    Args:
        tensors: of the network.
    """

    def __init__(self, tensors: int) -> None:
        super().__init__()
        self._left = _CALLS * (tensors + 1)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count a call.

        Raises:
            ValueError: it is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise ValueError("it has more layers than weights")
        return func(*args, **(kwargs or {}))


def _describe_object(value: Any) -> dict[str, Any]:
    cls = type(value)
    path, arguments = class_path(cls), {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"a {cls.__name__} of any objects: write a class of its own in digitrec/models")
        kept = next((key for key in (name, f"_{name}") if key in vars(value)), None)
        if kept is None:
            raise TypeError(
                f"a {cls.__name__} that does not keep its argument {name}: add self.{name} = {name} to its "
                "__init__"
            )
        arguments[name] = describe(vars(value)[kept])
    spec = {"class_path": path, "init_args": arguments}
    if isinstance(value, nn.Module) and not _builds(spec, value):
        raise TypeError(f"a {cls.__name__} whose attributes are not the arguments that it was built with")
    return spec


def _builds(spec: dict[str, Any], network: nn.Module) -> bool:
    """Return whether a description builds a network of the same layers and weights."""
    try:
        with torch.random.fork_rng(devices=[]):
            twin = instantiate(spec)
        twin.load_state_dict(network.state_dict())
    except (TypeError, ValueError, RuntimeError):
        return False
    return repr(twin) == repr(network)
