"""ONNX Runtime for browsers: its files from the npm package onnxruntime-web, kept in a cache."""

import base64
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from digitrec import npm
from digitrec.errors import ExportError

VERSION = "1.22.0"
"""Its plain WebAssembly build has 11 MB, that of 1.30 14 MB, and the networks take as long."""

INTEGRITY = "Ud/+EBo6mhuaQWt/OjaOk0iNWjXqJoeeMFr6xQEERZdIZH2OWpGzuujz7lfuOBjUa6TEE/sc4nb7Da5dNL34fg=="
"""SHA-512 of the package's archive, as npm states it."""

FILES = {
    "package/dist/ort.wasm.min.mjs": "ort.js",
    "package/dist/ort-wasm-simd-threaded.mjs": "ort-wasm.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "ort-wasm.wasm",
}
"""The files that a page needs, with the names that they get: not every web server knows .mjs."""

TIMEOUT = 300.0
"""Seconds that the download of 20 MB may take."""


def fetch() -> dict[str, bytes]:
    """Return the files by name; the package is downloaded if it is not in the cache.

    Raises:
        ExportError: the package cannot be downloaded, or the archive in the cache is another one.
    """
    archive = _cache() / f"onnxruntime-web-{VERSION}.tgz"
    if not archive.exists():
        _download(archive)
    if not _is_intact(archive):
        raise ExportError(f"{archive} is not the published package: delete it and try again.")
    with tarfile.open(archive) as package:
        members = {name: package.extractfile(name) for name in FILES}
        return {FILES[name]: file.read() for name, file in members.items() if file}


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "digitrec"


def _download(archive: Path) -> None:
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix="npm-") as scratch:
            fetched = npm.pack(f"onnxruntime-web@{VERSION}", Path(scratch), TIMEOUT)
            if not _is_intact(fetched):
                raise RuntimeError("the registry has another file under this name")
            fetched.replace(archive)
    except (OSError, RuntimeError) as error:  # TimeoutError is an OSError
        raise ExportError(
            f"The npm package onnxruntime-web {VERSION} cannot be fetched ({error}): check npm and the "
            f"connection, or copy the package's archive to {archive}."
        ) from error


def _is_intact(archive: Path) -> bool:
    digest = hashlib.sha512(archive.read_bytes()).digest()
    return base64.b64encode(digest).decode() == INTEGRITY
