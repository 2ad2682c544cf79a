"""Checkpoints: which one is meant, and reading it without running anything that it names."""

import pydoc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class CheckpointError(RuntimeError):
    """No checkpoint as asked for, or one that must not be loaded; the message is for the user."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint that digitrec wrote: its ``state_dict``, ``hyper_parameters`` and the rest.

    Nothing that the file names is imported before it is known to be a class of ``digitrec`` or ``torch``.

    Raises:
        CheckpointError: the file is missing, damaged, holds pickled objects, is no checkpoint of digitrec, or
            names a class from elsewhere.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give a file, best or last.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        reason = "is damaged" if "Weights only load failed" not in str(error) else "holds more than weights"
        raise CheckpointError(
            f"The checkpoint {path} {reason}, so it is not loaded: choose another."
        ) from error
    except (RuntimeError, EOFError, KeyError, ValueError, OSError) as error:
        raise CheckpointError(f"The checkpoint {path} is damaged: choose another.") from error
    if not isinstance(checkpoint, dict) or not {"state_dict", "hyper_parameters"} <= checkpoint.keys():
        raise CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.")
    hyper_parameters = checkpoint["hyper_parameters"]
    hyper_parameters.pop(
        "_instantiator", None
    )  # names the function that would build the module; ours is known
    for name in _dotted_names(hyper_parameters):
        if not _is_class_of_ours(name):
            raise CheckpointError(
                f"The checkpoint {path} names {name}, which is no class of digitrec or torch, so it is not "
                "loaded: choose another, or move the class into digitrec."
            )
    return checkpoint


def find_checkpoint(
    which: str | None, folder: Path, matches: Callable[[dict[str, Any]], bool] = lambda _: True
) -> Path | None:
    """Find a checkpoint of the newest run under a folder.

    Args:
        which: ``best`` or ``last``; None takes the best, and the last where a run had no validation images.
        folder: where runs are kept, at any depth.
        matches: called with the hyperparameters of a run's model, says whether the run counts.

    Returns:
        The file, or None where no run matches.

    Raises:
        CheckpointError: the newest run that matches has no such checkpoint; or one cannot be read.
    """
    for run in _runs(folder):
        best, last = run / "best.ckpt", run / "last.ckpt"
        path = best if best.exists() else last
        if not matches(read_checkpoint(path)["hyper_parameters"]):
            continue
        if which == "best" and not best.exists():
            raise CheckpointError(
                f"The newest run, {run}, has no best checkpoint: it was trained without validation images "
                "(data.val_size 0), so its last epoch is the result. Use --ckpt_path last."
            )
        if which == "last" and not last.exists():
            raise CheckpointError(f"The newest run, {run}, has no last checkpoint. Use --ckpt_path best.")
        return last if which == "last" else path
    return None


def _runs(folder: Path) -> list[Path]:
    newest: dict[Path, float] = {}
    for path in [*folder.rglob("best.ckpt"), *folder.rglob("last.ckpt")]:
        newest[path.parent] = max(newest.get(path.parent, 0.0), path.stat().st_mtime)
    return sorted(newest, key=lambda run: newest[run], reverse=True)


def _dotted_names(value: Any) -> Iterator[str]:
    """Every string inside hyperparameters that a parser could take for something to import."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _dotted_names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _dotted_names(inner)
    elif isinstance(value, str) and _DOTTED_NAME.fullmatch(value):
        yield value


def _is_class_of_ours(name: str) -> bool:
    if not name.startswith(("digitrec.", "torch.")):
        return False
    # The prefix is not enough: torch.os.system is a name under torch, too.
    found = pydoc.locate(name)
    return isinstance(found, type) and found.__module__.split(".")[0] in ("digitrec", "torch")
