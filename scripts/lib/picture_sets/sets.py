"""Sets of public pictures of handwritten digits, found in folders and labeled.

The reader was developed with the sets of ``used.yaml`` (single digits, rows) and ``pages.yaml`` (pages such
as tables and forms). ``unseen.yaml`` lists held-out sets: they are measured, and nothing is chosen by them.

A folder holds snapshots of repositories as owner+name, owner/name or name. A snapshot that is not a git clone
may name its commit in a file COMMIT.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from PIL import Image

from scripts.lib.picture_sets.labels import ARRAYS, LABELS, only_digit

FILES = {name: Path(__file__).with_name(f"{name}.yaml") for name in ("used", "unseen", "pages")}
"""The lists of sets."""

SUFFIXES = frozenset({".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


Kind = Literal[
    "single", "row", "benchmark", "table", "form", "meter", "worksheet", "squared", "whiteboard", "page"
]

PAGE_KINDS: tuple[Kind, ...] = ("table", "form", "meter", "worksheet", "squared", "whiteboard", "page")
"""The kinds of pages.yaml. Their labels may hold ``?``."""


class LabelError(ValueError):
    """A picture has no label, or a folder holds no set of pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture with its label: the digits of each line, lines separated by a space.

    In the label of a page, ``?`` is one written sign or letter between two digits of a line.
    """

    set: str
    file: str  # inside the repository
    label: str
    source: Path | Image.Image | np.ndarray


@dataclass(frozen=True)
class PictureSet:
    """An entry of a list of sets, or any other folder of pictures."""

    repository: str
    files: tuple[str, ...]
    label: str | dict[str, str]
    what: str
    kind: Kind = "single"
    crop: dict[str, list[int]] | None = None
    left_out: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """The repository and its folder; of any other folder of pictures, the name of that folder."""
        folder = self.files[0].rpartition("/")[0].removesuffix("/[0-9]")
        return f"{self.repository} {folder}".strip() if "/" in self.repository else self.repository

    def pictures(self, folder: Path) -> list[Picture]:
        """Return the pictures of the set, in the order of their names.

        Args:
            folder: a snapshot of the repository.

        Raises:
            LabelError: the rule gives a file no label, or a file that is labeled by hand is missing.
        """
        left_out = [pattern for patterns in self.left_out or () for pattern in patterns.split(", ")]
        paths = sorted(_glob(folder, self.files) - _glob(folder, left_out))
        if not paths:
            raise LabelError(f"{folder} holds no {self.files[0]}: give a snapshot of {self.repository}.")
        if isinstance(self.label, dict):
            if missing := self.label.keys() - {path.name for path in paths}:
                raise LabelError(f"{folder} holds no {min(missing)}: give a snapshot of {self.repository}.")
        elif self.label in ARRAYS:
            return [picture for path in paths for picture in self._arrays(path, folder)]
        return [self._picture(path, str(path.relative_to(folder))) for path in paths]

    def _picture(self, path: Path, file: str) -> Picture:
        label = self.label.get(path.name) if isinstance(self.label, dict) else LABELS[self.label](path)
        if label is None:
            raise LabelError(f"{path} has no label by the rule of {self.name}: correct the list of sets.")
        source: Path | Image.Image = path
        if self.crop and path.name in self.crop:
            with Image.open(path) as image:
                source = image.crop(tuple(self.crop[path.name]))
        return Picture(self.name, file, label, source)

    def _arrays(self, path: Path, folder: Path) -> Iterator[Picture]:
        labels, images = ARRAYS[str(self.label)](path)
        for number, (label, image) in enumerate(zip(labels, images, strict=True)):
            yield Picture(self.name, f"{path.relative_to(folder)}#{number}", str(label), image)


def _glob(folder: Path, patterns: Iterable[str]) -> set[Path]:
    return {path for pattern in patterns for path in folder.glob(pattern)}


def known_sets(sets: str = "used") -> list[PictureSet]:
    """Return the sets of a list in its order; ``sets`` is a key of FILES."""
    return [_entry(values) for values in yaml.safe_load(FILES[sets].read_text())]


def _entry(values: dict[str, Any]) -> PictureSet:
    files = values.pop("files")
    if isinstance(files, str):
        folder = files.removeprefix("./")  # of a folder, the labeled files
        files = [escape(folder + name) for name in values["label"]] if files.endswith("/") else [files]
    return PictureSet(files=tuple(files), **values)


def found_sets(folders: list[Path], sets: str = "used") -> list[tuple[PictureSet, Path]]:
    """Return the sets of a list that some folders hold, each with the folder of its snapshot.

    A folder without a listed repository is a set of its own, of single digits labeled by their names.

    Raises:
        LabelError: a folder does not exist, or holds no pictures.
    """
    found: list[tuple[PictureSet, Path]] = []
    for folder in folders:
        here = [(known, path) for known in known_sets(sets) if (path := _snapshot(folder, known.repository))]
        found += here or [(_unknown(folder), folder)]
    return found


def _snapshot(folder: Path, repository: str) -> Path | None:
    owner, name = repository.split("/")
    forms = (f"{owner}+{name}", repository, name)
    if folder.resolve().name == forms[0] or folder.resolve().parts[-2:] == (owner, name):
        return folder
    return next((folder / form for form in forms if (folder / form).is_dir()), None)


def _unknown(folder: Path) -> PictureSet:
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise LabelError(f"{folder} holds no pictures: give a folder of pictures, or of repositories.")
    files = tuple(escape(str(path.relative_to(folder))) for path in paths if only_digit(path))
    if not files:
        raise LabelError(
            f"No picture in {folder} is labeled by its name or its folder's: name one 7.png or seven.png."
        )
    if left := len(paths) - len(files):
        print(
            f"{folder}: {left} of {len(paths)} pictures have no label in their names and are skipped",
            file=sys.stderr,
        )
    return PictureSet(folder.resolve().name, files, "only", "labeled by the names of files or folders")


def commit(folder: Path) -> str:
    """Return the commit of a snapshot: from its file COMMIT, else from git, else "unknown"."""
    if (folder / "COMMIT").is_file():
        return (folder / "COMMIT").read_text().strip()
    if not (folder / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
