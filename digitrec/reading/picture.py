"""A picture of the user's on its way to being read."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitrec.reading.page import Page
    from digitrec.reading.segmentation.segment import Crop


@dataclass(frozen=True)
class Picture:
    """A picture file with its page and the crops on it, or with the reason why it cannot be read."""

    path: Path
    page: "Page | None" = None
    crops: "tuple[Crop, ...]" = ()
    error: str | None = None
