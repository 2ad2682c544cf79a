"""Trying a network on one batch, so that a mistake in it is one sentence before the training."""

import copy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from digitrec.models.recognizer import log_probabilities

CLASSES = 10


def try_classifier(network: nn.Module, images: Tensor) -> Tensor:
    """Return the log-probabilities of images (batch, 28, 28), after a check of the network.

    Raises:
        MisconfigurationException: the network cannot take the images, or does not return ten finite numbers
            for each.
    """
    name = f"model.network: {type(network).__name__}"
    try:
        output = network(images)
    except Exception as error:
        raise MisconfigurationException(f"{name} {_why_not(network, images, error)}") from error
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if shape != (len(images), CLASSES):
        raise MisconfigurationException(
            f"{name} returns {shape} for a batch of {len(images)} images; it has to return logits or "
            f"log-probabilities ({len(images)}, {CLASSES})."
        )
    if not output.isfinite().all():
        raise MisconfigurationException(f"{name} returns NaN or infinity for a batch of noise.")
    return log_probabilities(network, images, None, 1.0)


@contextmanager
def config_errors(prefix: str = "") -> Iterator[None]:
    """Report what a class refuses as a mistake in the config."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, ImportError) as error:
        raise MisconfigurationException(f"{prefix}{error}") from error


def _why_not(network: nn.Module, images: Tensor, error: Exception) -> str:
    """Say why a network cannot take images (batch, 28, 28)."""
    try:
        copy.deepcopy(network)(images.unsqueeze(1))
    except Exception:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(torch.__path__[0])][-1]
        return f"cannot take images (batch, 28, 28): {error} ({own.filename}, line {own.lineno})"
    return (
        "wants images with a channel axis, (batch, 1, 28, 28), but gets (batch, 28, 28): begin its forward "
        "with images = images.unsqueeze(1)."
    )
