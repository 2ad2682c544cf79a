"""Methods that read a picture: the published predict.py, the Otsu baseline and readers of digitrec."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import load_classifier
from digitrec.models.normalization import SIDE, normalize
from digitrec.models.pretrained import PRETRAINED
from digitrec.runs import find_checkpoint
from digitrec.training.runs.checks import differences
from scripts.lib.readers import CURRENT, PREVIOUS, Read, text_of

Source = Path | Image.Image | np.ndarray
BOX = 20  # pixels: the longest side of a digit in MNIST


CONFIG = Path("configs/mlp.yaml")  # the published recipe
METHODS = {
    "published": "published predict.py",
    "otsu": "Otsu baseline",
    "otsu-pretrained": "Otsu baseline, pretrained weights",
    PREVIOUS: "previous reader",
    CURRENT: "digitrec",
}
"""Methods by name, each with its heading in the tables."""

DEFAULT = tuple(name for name in METHODS if name != PREVIOUS)

READERS = (PREVIOUS, CURRENT)
"""Methods that read lines, and may refuse."""


@dataclass(frozen=True)
class Prediction:
    """What a method read: the digits of each line, lines separated by a space, and the confidence of each."""

    text: str
    confidences: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The lowest confidence; 0 if nothing was read."""
        return min(self.confidences, default=0.0)


Method = Callable[[Source], Prediction]


def published_baseline(network: nn.Module) -> Method:
    """Return the published predict.py: gray, resized to 28x28, neither inverted nor cropped nor centered.

    It normalized pixels by the mean and deviation of its own training; this, by those of ``network``.
    """

    def read(source: Source) -> Prediction:
        gray = torch.from_numpy(np.array(gray_image(source)))[None]
        return classify(network, resize(gray, [SIDE, SIDE], antialias=True)[0])

    return read


def otsu_baseline(network: nn.Module) -> Method:
    """Return the common preprocessing for MNIST networks.

    A light picture is inverted, the digit is separated from the background by Otsu's threshold, cropped,
    resized to a box of 20x20 and centered by its mass in 28x28.
    """

    def read(source: Source) -> Prediction:
        return classify(network, torch.from_numpy(otsu_crop(np.array(gray_image(source)))))

    return read


def reader_method(reader: Read) -> Method:
    """Return a reader as a method."""
    return lambda source: Prediction(*text_of(reader(source)))


def gray_image(source: Source) -> Image.Image:
    """Return a picture as Pillow converts it to gray, without regard to EXIF orientation and transparency."""
    if isinstance(source, np.ndarray):
        return Image.fromarray(source)
    if isinstance(source, Image.Image):
        return source.convert("L")
    with Image.open(source) as image:
        return image.convert("L")


def otsu_crop(gray: np.ndarray) -> np.ndarray:
    """Crop the digit of a picture as the Otsu baseline does.

    Args:
        gray: uint8 (height, width).

    Returns:
        uint8 (28, 28), bright on black; all black if the picture is empty.
    """
    inverted = 255 - gray if gray.mean() > 127 else gray
    foreground = np.where(inverted > otsu_threshold(inverted), inverted, 0)
    digit = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.flatnonzero(foreground.any(axis=1)), np.flatnonzero(foreground.any(axis=0))
    if not len(rows):
        return digit
    cropped = Image.fromarray(foreground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = BOX / max(cropped.size)
    size = tuple(max(1, round(side * scale)) for side in cropped.size)
    resized = np.asarray(
        cropped.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    )
    center = [
        (resized.sum(axis=1 - axis) @ np.arange(resized.shape[axis])) / max(1, resized.sum())
        for axis in (0, 1)
    ]
    top, left = (
        int(np.clip(round((SIDE - 1) / 2 - place), 0, SIDE - side))
        for place, side in zip(center, resized.shape, strict=True)
    )
    digit[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return digit


def otsu_threshold(gray: np.ndarray) -> int:
    """Return the gray value, 0 to 255, that separates two classes with the least variance within them.

    The method is that of Otsu, "A threshold selection method from gray-level histograms" (1979).
    """
    counts = np.bincount(gray.ravel(), minlength=256).astype(float)
    below = counts.cumsum()
    sums = (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nan_to_num(between).argmax())


def classify(network: nn.Module, pixels: Tensor) -> Prediction:
    """Classify one digit, uint8 (28, 28), bright on black."""
    with torch.no_grad():
        probabilities = network(normalize(pixels[None]))[0].exp()
    return Prediction(str(int(probabilities.argmax())), (float(probabilities.max()),))


def newest_run(config: Path, folder: Path = Path("lightning_logs")) -> Path:
    """Return the best checkpoint of the newest run that trained the model of a config.

    Raises:
        CheckpointError: there is no such run.
    """
    model: dict[str, Any] = yaml.safe_load(config.read_text())["model"]

    def matches(known: dict[str, Any]) -> bool:
        return not any(differences(model, known)) and not (
            known.get("scheduler") and "scheduler" not in model
        )

    found = find_checkpoint(None, [folder], matches)
    if found is None:
        raise CheckpointError(
            f"There is no run of {config} in {folder}: train one with digitrec fit "
            f"--config {config}, or give its checkpoint with --baseline-weights."
        )
    return found


def build_methods(
    names: Sequence[str], baseline_weights: Path | None, weights: Path | None, readers: dict[str, Read]
) -> dict[str, Method]:
    """Build methods by their names in METHODS, each with its weights.

    Raises:
        CheckpointError: there is no run of the published recipe, or a given checkpoint cannot be loaded.
    """
    baselines: dict[str, Callable[[nn.Module], Method]] = {
        "published": published_baseline,
        "otsu": otsu_baseline,
    }
    methods: dict[str, Method] = {}
    if baselines.keys() & set(names):
        checkpoint = baseline_weights or newest_run(CONFIG)
        print(f"weights of the baselines: {checkpoint}", file=sys.stderr)
        network = load_classifier(checkpoint).network
    for name in names:
        if name in baselines:
            methods[name] = baselines[name](network)
        elif name in readers:
            methods[name] = reader_method(readers[name])
        else:
            methods[name] = otsu_baseline(load_classifier(weights or PRETRAINED).network)
    return methods
