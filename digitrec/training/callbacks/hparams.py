"""Hyperparameters of a run as TensorBoard's HParams tab shows them."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

from digitrec.models.checkpoints import NO_EFFECT


def hyperparameters(
    model: Mapping[str, Any], data: Mapping[str, Any], seed: int | str | None, max_epochs: int | None
) -> dict[str, str | float]:
    """Flatten the hyperparameters of a run: ``optimizer`` is a class, ``optimizer.lr`` its argument."""
    run = {"seed": None if seed is None else str(seed), "max_epochs": max_epochs}
    # TensorBoard shows the first five columns in alphabetical order: the data should not be among them.
    return dict(_flat("", {**model, **run, "training_data": dict(data)}))


def _flat(name: str, value: Any) -> Iterator[tuple[str, str | float]]:
    if isinstance(value, Namespace):
        value = value.as_dict()
    if isinstance(value, dict) and "class_path" in value:
        yield name, value["class_path"].rpartition(".")[2]
        value = value.get("init_args", {})
    if isinstance(value, dict):
        for key in value.keys() - NO_EFFECT - {"_instantiator"}:
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif value is not None:
        yield name, value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
