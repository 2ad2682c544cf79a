"""Labels of pictures by their names, and files that hold labels and images together."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def first_digit(path: Path) -> str | None:
    """Return the first character of the name if it is a digit: 3.png, 3_156955844430.png."""
    return path.name[0] if path.name[0] in "0123456789" else None


def last_digit(path: Path) -> str | None:
    """Return the last character of the name if it is a digit: bruno3.jpg, new_9.jpg."""
    return path.stem[-1] if path.stem[-1] in "0123456789" else None


def number_word(path: Path) -> str | None:
    """Return the digit that the name spells in English: five.png, eight1.png, but not eighttwo.png."""
    found = re.fullmatch(rf"({'|'.join(_WORDS)})[\W\d_]*", path.stem.lower())
    return str(_WORDS.index(found[1])) if found else None


def folder_digit(path: Path) -> str | None:
    """Return the name of the folder if it is a digit: data_train/3/14.png."""
    return path.parent.name if re.fullmatch("[0-9]", path.parent.name) else None


def only_digit(path: Path) -> str | None:
    """Return the name of the folder, else the only digit, the number word or the first digit of the name."""
    digits = re.findall("[0-9]", path.stem)
    return (
        folder_digit(path)
        or (digits[0] if len(digits) == 1 else None)
        or number_word(path)
        or first_digit(path)
    )


LABELS: dict[str, Callable[[Path], str | None]] = {
    "first": first_digit,
    "last": last_digit,
    "word": number_word,
    "folder": folder_digit,
    "only": only_digit,
}


def usps(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read USPS, zip.*.gz: labels (n,), images uint8 (n, 16, 16), bright on black, in the file -1 to 1."""
    table = np.loadtxt(path, ndmin=2)
    return table[:, 0].astype(int), ((table[:, 1:] + 1) * 127.5).round().astype(np.uint8).reshape(-1, 16, 16)


def uci(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read UCI, digits.csv.gz: labels (n,), images uint8 (n, 8, 8), bright on black, in the file 0 to 16."""
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    return table[:, -1].astype(int), (table[:, :-1] * 255 / 16).round().astype(np.uint8).reshape(-1, 8, 8)


ARRAYS = {"usps": usps, "uci": uci}
