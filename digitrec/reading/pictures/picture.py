"""Picture: a picture file with what was found on it, before it is recognized."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitrec.reading.detection.hypotheses import Found
    from digitrec.reading.pictures.page import Page


@dataclass(frozen=True)
class Picture:
    """A picture file with its page and what was found on it, or with the error.

    Attributes:
        path: the file.
        page: None if the file cannot be read.
        found: as ``PageDetector.find`` returns it.
        error: the sentence for the user, if the file cannot be read.
    """

    path: Path
    page: "Page | None" = None
    found: "tuple[Found, ...]" = ()
    error: str | None = None
