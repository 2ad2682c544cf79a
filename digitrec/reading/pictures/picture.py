"""Picture: a picture file with the crops that were found on it, before they are recognized."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitrec.reading.pictures.page import Page
    from digitrec.reading.segmentation.segment import Crop


@dataclass(frozen=True)
class Picture:
    """A picture file with its page and crops, or with the error.

    Attributes:
        path: the file.
        page: None if the file cannot be read.
        crops: as ``find_digits`` returns them.
        error: the sentence for the user, if the file cannot be read.
    """

    path: Path
    page: "Page | None" = None
    crops: "tuple[Crop, ...]" = ()
    error: str | None = None
