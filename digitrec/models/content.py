"""Loading the content of a checkpoint file: tensors and plain values, no larger than the file."""

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from digitrec.errors import CheckpointError

MAX_VALUES = 100_000
"""Values in the hyperparameters of a checkpoint; one that contains itself has more."""

MAX_DEPTH = 20
"""Levels of nesting of hyperparameters."""

_GLOBALS = re.compile(
    r"(collections (OrderedDict|Counter|defaultdict)|(__builtin__|builtins) (set|complex)|_codecs encode|"
    r"torch (Size|device|[A-Z]\w*Storage|[a-z]+\d*)|"
    r"torch\._utils _rebuild_(tensor_v[23]|parameter|sparse_tensor|meta_tensor_no_storage))"
)
"""What the pickle of a checkpoint calls. PyTorch also allows ``bytearray(10**12)`` and empty tensors."""

_LIGHTNINGS = {
    "callbacks": dict,
    "epoch": int,
    "global_step": int,
    "loops": dict,
    "lr_schedulers": list,
    "optimizer_states": list,
    "pytorch-lightning_version": str,
}
"""Types of what Lightning adds to a checkpoint."""


def load_content(path: str | Path) -> dict[str, Any]:
    """Load the content of a checkpoint, after its checksums were verified.

    Raises:
        CheckpointError: the file is missing, damaged or no checkpoint, or holds Python objects, compressed
            data, no weights, or NaN among them.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint: give a file, best or last.")
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give a file, best or last.")
    try:
        content = torch.load(_copied(path), map_location="cpu", weights_only=True)
        _check_tensors(content, path)
    except UnpicklingError as error:
        raise CheckpointError(
            f"The checkpoint {path} holds Python objects, so it is not loaded: train again with this "
            "release, or choose another."
        ) from error
    except (CheckpointError, PermissionError):
        raise
    except Exception as error:  # zipfile, zlib and torch have many for damaged files
        raise CheckpointError(f"{path} is damaged, or no checkpoint at all: choose another.") from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise foreign(path)
    if any(not isinstance(content[key], kind) for key, kind in _LIGHTNINGS.items() if key in content):
        raise foreign(path)
    return content


def foreign(path: str | Path) -> CheckpointError:
    """Return the error for a checkpoint of another project."""
    return CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.")


def strings(values: Any) -> Iterator[str]:
    """Yield every string in hyperparameters, as a parser might take it for something to import.

    Raises:
        ValueError: they hold anything but plain values by names, are too many, or contain themselves.
    """
    levels, count = [iter([values])], 0
    while levels:
        for value in levels[-1]:
            count += 1
            if count > MAX_VALUES or len(levels) > MAX_DEPTH:
                raise ValueError("more values than any network needs")
            if isinstance(value, dict):
                if not all(isinstance(key, str) for key in value):
                    raise ValueError("a key that is no text")
                levels.append(iter(value.values()))
                break
            if isinstance(value, list | tuple):
                levels.append(iter(value))
                break
            if isinstance(value, str):
                yield value
            elif value is not None and not isinstance(value, bool | int | float):
                raise ValueError(f"a value of the type {type(value).__name__}")
        else:
            levels.pop()


def _copied(path: Path) -> io.BytesIO:
    """Copy an archive, member by member, and refuse damaged, compressed and shared members.

    PyTorch does not look at the checksums, and its own reader may find other members in the same file.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as whole:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise CheckpointError(
                f"{path} is compressed, which no checkpoint of digitrec is: choose another."
            )
        names = {member.filename for member in members}
        if sum(member.file_size for member in members) > path.stat().st_size or len(names) < len(members):
            raise CheckpointError(f"The checkpoint {path} is damaged: choose another.")
        for member in members:
            content = archive.read(member)
            if member.filename.endswith("data.pkl"):
                _check_pickle(content)
            whole.writestr(member.filename, content)
    copy.seek(0)
    return copy


def _check_pickle(content: bytes) -> None:
    for code, argument, _ in pickletools.genops(content):
        if code.name == "GLOBAL" and not _GLOBALS.fullmatch(str(argument)):
            raise UnpicklingError(f"It calls {argument}.")


def _check_tensors(content: Any, path: Path) -> None:
    """Refuse tensors that have more elements than the file, and weights that are NaN."""
    seen, pending = set(), [content]
    while pending:
        value = pending.pop()
        if isinstance(value, Tensor):
            stored = value.layout == torch.strided and value.device.type == "cpu"
            if not stored or value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise CheckpointError(f"A tensor in {path} is not stored in full: choose another.")
        elif isinstance(value, dict | list | tuple | set) and id(value) not in seen:
            seen.add(id(value))
            pending += value.values() if isinstance(value, dict) else value
    weights = content.get("state_dict") if isinstance(content, dict) else None
    for name, value in weights.items() if isinstance(weights, dict) else ():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise foreign(path)
        if value.isnan().any():
            raise CheckpointError(f"The weights {name} in {path} are NaN: choose another checkpoint.")
