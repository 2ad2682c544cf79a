"""Public pictures of people's own digits: the sets of picture_sets.yaml, found in folders and labelled.

Those of picture_sets_unseen.yaml chose nothing: they are in the same form, and apart.

A folder holds snapshots of repositories as owner+name, owner/name or name; a file COMMIT in one says which
commit it is where git does not.
"""

import gzip
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from PIL import Image

RULES = {
    "used": Path(__file__).with_suffix(".yaml"),
    "unseen": Path(__file__).with_name("picture_sets_unseen.yaml"),
}
SUFFIXES = frozenset({".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class LabelError(ValueError):
    """A file that the rule of its set does not label, or a folder without a set."""


@dataclass(frozen=True)
class Picture:
    """A picture with its truth: the digits of each line, lines separated by a space."""

    set: str
    file: str  # inside the repository
    label: str
    source: Path | Image.Image | np.ndarray


@dataclass(frozen=True)
class PictureSet:
    """An entry of picture_sets.yaml, or a folder that it does not know."""

    repository: str
    files: tuple[str, ...]
    label: str | dict[str, str]
    what: str
    kind: Literal["single", "row", "beside"] = "single"
    crop: dict[str, list[int]] | None = None
    left_out: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """The repository and its folder; of a folder that picture_sets.yaml does not know, that folder's."""
        folder = self.files[0].rpartition("/")[0].removesuffix("/[0-9]")
        return f"{self.repository} {folder}".strip() if "/" in self.repository else self.repository

    def pictures(self, folder: Path) -> list[Picture]:
        """The set's pictures in a snapshot of its repository, in the order of their names.

        Raises:
            LabelError: a rule does not label a file, or a file that is labelled by eye is not there.
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
            raise LabelError(f"{path} has no label by the rule of {self.name}: mend picture_sets.yaml.")
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


def first_digit(path: Path) -> str | None:
    """The label where the name begins with it: 3.png, 3_156955844430.png."""
    return path.name[0] if path.name[0] in "0123456789" else None


def last_digit(path: Path) -> str | None:
    """The label where the name ends with it: bruno3.jpg, new_9.jpg."""
    return path.stem[-1] if path.stem[-1] in "0123456789" else None


def word(path: Path) -> str | None:
    """The label where the name is an English number: five.png, also eight1.png, but not eighttwo.png."""
    found = re.fullmatch(rf"({'|'.join(_WORDS)})[\W\d_]*", path.stem.lower())
    return str(_WORDS.index(found[1])) if found else None


def folder_digit(path: Path) -> str | None:
    """The label where the folder is named by it: data_train/3/14.png."""
    return path.parent.name if re.fullmatch("[0-9]", path.parent.name) else None


def only_digit(path: Path) -> str | None:
    """The label of any picture: its folder's name, its name's only digit, its word, its first digit."""
    digits = re.findall("[0-9]", path.stem)
    return folder_digit(path) or (digits[0] if len(digits) == 1 else None) or word(path) or first_digit(path)


LABELS: dict[str, Callable[[Path], str | None]] = {
    "first": first_digit,
    "last": last_digit,
    "word": word,
    "folder": folder_digit,
    "only": only_digit,
}


def usps(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """USPS from zip.*.gz: labels (n,), images uint8 (n, 16, 16), white on black; the file has -1 to 1."""
    table = np.loadtxt(path, ndmin=2)
    return table[:, 0].astype(int), ((table[:, 1:] + 1) * 127.5).round().astype(np.uint8).reshape(-1, 16, 16)


def uci(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """UCI from digits.csv.gz: labels (n,), images uint8 (n, 8, 8), white on black; the file has 0 to 16."""
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    return table[:, -1].astype(int), (table[:, :-1] * 255 / 16).round().astype(np.uint8).reshape(-1, 8, 8)


ARRAYS = {"usps": usps, "uci": uci}


def known_sets(sets: str = "used") -> list[PictureSet]:
    """The sets of a file of RULES, in its order."""
    return [_entry(values) for values in yaml.safe_load(RULES[sets].read_text())]


def _entry(values: dict[str, Any]) -> PictureSet:
    files = values.pop("files")
    return PictureSet(files=(files,) if isinstance(files, str) else tuple(files), **values)


def found_sets(folders: list[Path], sets: str = "used") -> list[tuple[PictureSet, Path]]:
    """The sets of a file of RULES that some folders hold, each with its snapshot's folder.

    A folder in which no known repository lies is a set of its own, of single digits labelled by their names.

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
            f"No picture in {folder} is labelled by its name or its folder's: name one 7.png or seven.png."
        )
    if left := len(paths) - len(files):
        print(
            f"{folder}: {left} of {len(paths)} pictures have no label in their names, left out",
            file=sys.stderr,
        )
    return PictureSet(folder.resolve().name, files, "only", "labelled by the names of files or folders")


def commit(folder: Path) -> str:
    """The commit of a snapshot: what its file COMMIT says, else what git says of a clone, else "unknown"."""
    if (folder / "COMMIT").is_file():
        return (folder / "COMMIT").read_text().strip()
    if not (folder / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
