"""Names in checkpoints, configs and command lines of earlier releases, and the names that replaced them."""

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
"""Class paths. A module may move; the name of a class in its package stays."""

ARGUMENTS = {
    "model": {"views": "tta"},
    "data": {"styles": "synthetic"},
    "digitrec.data.RandomDistortion": {"ink": "brightness", "neighbours": "neighbors"},
}
"""Arguments of the model, of the data and of classes."""


def translate(value: Any, owner: str | None = None) -> Any:
    """Return a config, or any part of it, with the names of today.

    Args:
        value: the config.
        owner: ``model`` or ``data`` if ``value`` has its arguments, or the path of the class that it has the
            arguments of.
    """
    if isinstance(value, dict):
        names = ARGUMENTS.get(owner or "", {})
        path = translate(value.get("class_path"))
        owners = {"model": "model", "data": "data", "init_args": path if isinstance(path, str) else None}
        return {names.get(key, key): translate(inner, owners.get(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(translate(inner) for inner in value)
    return CLASS_PATHS.get(value, value) if isinstance(value, str) else value


def translate_argument(argument: str) -> str:
    """Return an argument of a command line with the names of today."""
    option, separator, value = argument.rpartition("=")
    for group in ("model", "data"):
        for old, new in ARGUMENTS[group].items():
            if option == f"--{group}.{old}" or option.startswith(f"--{group}.{old}."):
                option = option.replace(old, new, 1)
            elif not separator and (value == f"--{group}.{old}" or value.startswith(f"--{group}.{old}.")):
                value = value.replace(old, new, 1)
    return f"{option}{separator}{translate(value)}"
