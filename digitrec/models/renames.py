"""Names in checkpoints and configs of earlier releases, and the names that replaced them."""

from typing import Any

CLASS_PATHS = {
    "digitrec.networks.MLP": "digitrec.models.MLP",
    "digitrec.views.Views": "digitrec.models.TTA",
    "digitrec.augment.RandomDistortion": "digitrec.data.RandomDistortion",
    "digitrec.styles.DrawnDigits": "digitrec.data.SyntheticDigits",
    "digitrec.outliers.NonDigits": "digitrec.data.OutlierImages",
    "digitrec.saving.LastCheckpoint": "digitrec.training.callbacks.LastCheckpoint",
    "digitrec.callbacks.DistortionSheet": "digitrec.training.callbacks.DistortionSheet",
}
"""Class paths: a module may move, the name of a class in its package stays."""

ARGUMENTS = {
    "views": "tta",  # of DigitClassifier
    "styles": "synthetic",  # of MNISTDataModule
    "ink": "brightness",  # of RandomDistortion
    "neighbours": "neighbors",  # of RandomDistortion
}
"""Names of arguments. None of them has another meaning in a class of today."""


def translate(value: Any) -> Any:
    """Return hyperparameters, or any part of a config, with the names of today."""
    if isinstance(value, dict):
        return {ARGUMENTS.get(key, key): translate(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(translate(inner) for inner in value)
    return CLASS_PATHS.get(value, value) if isinstance(value, str) else value
