"""The files of the pretrained weights, and the sizes that belong to them; without PyTorch."""

from pathlib import Path

_WEIGHTS = Path(__file__).parents[1] / "weights"

PRETRAINED = _WEIGHTS / "digits.ckpt"
"""The pretrained classifier; scripts/ship.py makes it."""

PRETRAINED_DETECTOR = _WEIGHTS / "detector.ckpt"
"""The pretrained detector; scripts/ship_detector.py writes it."""

PRETRAINED_ONNX = _WEIGHTS
"""The folder with both as ONNX files, ``digits.onnx`` and ``detector.onnx``; the ship scripts write them."""

SIDE = 28
"""Height and width of a digit image in pixels, as in MNIST."""

BOX = 20
"""Longest side of a digit in its 28x28 image, in pixels (LeCun et al. 1998)."""

STRIDE = 2
"""Pixels between neighbours in all of the detector's outputs but the foreground."""

MULTIPLE = 16
"""Height and width of the detector's input are best multiples of this."""

CHUNK = 100
"""Images that are augmented at once: the 17 variants of one image take a quarter of a megabyte."""
