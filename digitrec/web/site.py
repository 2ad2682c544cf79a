"""The static page: a folder for any web server, in which the browser itself reads the pictures."""

import gzip
import hashlib
import json
import secrets
import shutil
from pathlib import Path

from digitrec import __version__
from digitrec.errors import ExportError
from digitrec.export.classifier import export_classifier
from digitrec.models.checkpoints import load_classifier
from digitrec.models.pretrained import PRETRAINED, PRETRAINED_ONNX
from digitrec.web import onnxruntime_web
from digitrec.web.constants import as_module, constants

STATIC = Path(__file__).parent / "static"

LIST = "site.json"
"""The file that lists what was written. A folder with it may be replaced."""


def export_site(folder: Path, checkpoint: Path) -> None:
    """Write the folder of the page; after an error an old one is unchanged.

    Args:
        folder: a new or empty folder, or one that an earlier call wrote.
        checkpoint: of the classifier.

    Raises:
        CheckpointError: the checkpoint is missing or refused.
        ExportError: the folder has other files, or something that the page needs is missing.
        OSError: the folder cannot be written.
    """
    folder = folder.resolve()
    _check_target(folder)
    numbers = as_module(constants(load_classifier(checkpoint)))
    runtime = onnxruntime_web.fetch()
    temporary = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        _copy_page(temporary)
        (temporary / "reader" / "constants.js").write_text(numbers)
        (temporary / "onnxruntime").mkdir()
        for name, content in runtime.items():
            (temporary / "onnxruntime" / name).write_bytes(content)
        _write_networks(checkpoint, temporary)
        _list_files(temporary)
        _replace(folder, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sizes(folder: Path) -> tuple[int, int]:
    """Return the bytes of all files, and the bytes when each is compressed with gzip."""
    contents = [path.read_bytes() for path in _files(folder)]
    return sum(map(len, contents)), sum(len(gzip.compress(content, 6)) for content in contents)


def _check_target(folder: Path) -> None:
    """Refuse a folder with files that this module did not write."""
    if not folder.exists() and folder.parent.is_dir():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder} cannot be a new folder: choose another name in an existing folder.")
    try:
        ours = {*json.loads((folder / LIST).read_text())["files"], LIST}
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    others = sorted({path.relative_to(folder).as_posix() for path in _files(folder)} - ours)
    if others:
        raise ExportError(f"{folder} has a file that is not of an exported page: {others[0]}.")


def _copy_page(folder: Path) -> None:
    """Copy the page with the backend that reads in the browser."""
    shutil.copytree(STATIC, folder)
    (folder / "server.js").unlink()
    (folder / "browser.js").rename(folder / "backend.js")


def _write_networks(checkpoint: Path, folder: Path) -> None:
    """Copy the pretrained networks; another classifier is exported."""
    shutil.copy(PRETRAINED_ONNX / "detector.onnx", folder)
    if checkpoint == PRETRAINED:
        shutil.copy(PRETRAINED_ONNX / "digits.onnx", folder)
    else:
        export_classifier(checkpoint, folder / "digits.onnx", folder)  # the folder has no MNIST


def _list_files(folder: Path) -> None:
    """Tell the service worker the files and a version that changes with any of them."""
    names = [path.relative_to(folder).as_posix() for path in _files(folder)]
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    version = digest.hexdigest()[:16]
    worker = folder / "service_worker.js"
    kept = json.dumps(["./", *(name for name in names if name != worker.name)])
    worker.write_text(f'const VERSION = "{version}";\nconst FILES = {kept};\n{worker.read_text()}')
    content = {"digitrec": __version__, "version": version, "files": names}
    (folder / LIST).write_text(json.dumps(content, indent=1) + "\n")


def _replace(folder: Path, new: Path) -> None:
    """Put a new folder into the place of an old one, which is removed."""
    if folder.exists():
        old = new.with_suffix(".old")
        folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old)
    else:
        new.rename(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
