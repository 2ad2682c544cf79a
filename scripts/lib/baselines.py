"""Three roads from a picture to its digits: the published predict.py's, the usual cure, and digitrec's."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize

from digitrec.errors import CheckpointError
from digitrec.models.normalization import SIDE, normalize
from digitrec.runs import find_checkpoint
from digitrec.training.checkpoint_checks import differences

if TYPE_CHECKING:
    from digitrec.reading.reader import Reader

Source = Path | Image.Image | np.ndarray
BOX = 20  # the longest side of a digit in MNIST


@dataclass(frozen=True)
class Read:
    """What a road read: the digits of each line, lines separated by a space, and the lowest confidence."""

    text: str
    confidence: float


Road = Callable[[Source], Read]


def published(network: nn.Module) -> Road:
    """The published predict.py: grey, shrunk to 28x28 as it is, nothing inverted, cropped or centred.

    It scaled pixels by the mean and spread that it had trained with; this, by those of the weights given.
    """

    def read(source: Source) -> Read:
        grey = torch.from_numpy(np.array(grey_image(source)))[None]
        return classify(network, resize(grey, [SIDE, SIDE], antialias=True)[0])

    return read


def usual(network: nn.Module) -> Road:
    """The cure that most answers give: invert if light, Otsu, crop, a box of 20x20, the centre of mass."""

    def read(source: Source) -> Read:
        return classify(network, torch.from_numpy(usual_crop(np.array(grey_image(source)))))

    return read


def ours(reader: "Reader") -> Road:
    """What digitrec's Reader finds and reads."""

    def read(source: Source) -> Read:
        digits = sorted(reader.read(source).digits, key=lambda digit: (digit.line, digit.position))
        lines = groupby(digits, key=lambda digit: digit.line)
        text = " ".join("".join(str(digit.digit) for digit in line) for _, line in lines)
        return Read(text, min((float(digit.confidence) for digit in digits), default=0.0))

    return read


def grey_image(source: Source) -> Image.Image:
    """The picture as Pillow makes it grey, as both scripts do: no orientation, no transparency."""
    if isinstance(source, np.ndarray):
        return Image.fromarray(source)
    if isinstance(source, Image.Image):
        return source.convert("L")
    with Image.open(source) as image:
        return image.convert("L")


def usual_crop(grey: np.ndarray) -> np.ndarray:
    """Turn a picture uint8 (height, width) into a digit uint8 (28, 28), white on black; black if empty."""
    white = 255 - grey if grey.mean() > 127 else grey
    ink = np.where(white > otsu(white), white, 0)
    digit = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return digit
    cropped = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = BOX / max(cropped.size)
    size = tuple(max(1, round(side * scale)) for side in cropped.size)
    small = np.asarray(cropped.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR))
    centre = [
        (small.sum(axis=1 - axis) @ np.arange(small.shape[axis])) / max(1, small.sum()) for axis in (0, 1)
    ]
    top, left = (
        int(np.clip(round((SIDE - 1) / 2 - place), 0, SIDE - side))
        for place, side in zip(centre, small.shape, strict=True)
    )
    digit[top : top + small.shape[0], left : left + small.shape[1]] = small
    return digit


def otsu(grey: np.ndarray) -> int:
    """The threshold of Otsu (1979), which parts the grey values uint8 into two classes of least variance."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(float)
    below = counts.cumsum()
    sums = (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nan_to_num(between).argmax())


def classify(network: nn.Module, pixels: Tensor) -> Read:
    """Read one digit uint8 (28, 28), white on black."""
    with torch.no_grad():
        probabilities = network(normalize(pixels[None]))[0].exp()
    return Read(str(int(probabilities.argmax())), float(probabilities.max()))


def newest_run(config: Path, folder: Path = Path("lightning_logs")) -> Path:
    """The best checkpoint of the newest run that trained the model of a config.

    Raises:
        CheckpointError: there is none.
    """
    model: dict[str, Any] = yaml.safe_load(config.read_text())["model"]

    def matches(known: dict[str, Any]) -> bool:
        return not any(differences(model, known)) and not (
            known.get("scheduler") and "scheduler" not in model
        )

    found = find_checkpoint(None, [folder], matches)
    if found is None:
        raise CheckpointError(
            f"There is no run of {config} in {folder}: train one with python -m digitrec fit "
            f"--config {config}, or give its checkpoint with --published."
        )
    return found
