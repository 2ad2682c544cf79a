"""Whether a config fits the checkpoint that it is to run with, and whether a run can be resumed from it."""

import pydoc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from lightning.fabric.utilities.exceptions import MisconfigurationException

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import NO_EFFECT
from digitrec.models.content import foreign

SPLIT = ("val_size", "split_seed")
"""Keys of the data that say which images a checkpoint was not trained on."""

EVALUATION = ("tta", "temperature", "threshold")
"""Keys of the model that act on predictions only: an evaluation may give others than the training."""

DECISIVE = (
    "accumulate_grad_batches",
    "check_val_every_n_epoch",
    "devices",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "limit_train_batches",
    "limit_val_batches",
    "log_every_n_steps",
    "num_nodes",
    "overfit_batches",
    "precision",
    "val_check_interval",
)
"""Keys of the trainer that change the weights of a run or the points of its curves."""

RECORDING = ("ProgressBar", "Monitor", "Summary", "Timer", "Sheet", "Checkpoint", "EarlyStopping")
"""Endings of the names of callbacks that only record, or that end a run; others may change its weights."""


def check_single(paths: Sequence[str]) -> None:
    """Refuse two experiments in one command: what the first one has and the second has not would stay.

    Raises:
        MisconfigurationException: two of the config files have a network and an optimizer.
    """
    complete = [path for path in paths if {"network", "optimizer"} <= _model(Path(path)).keys()]
    if len(complete) > 1:
        raise MisconfigurationException(
            f"{complete[0]} and {complete[1]} are two complete experiments: give one --config, and overlays."
        )


def _model(path: Path) -> dict[str, Any]:
    """Return what a config, which has been parsed, says of the model, perhaps in a file of its own."""
    model = yaml.safe_load(path.read_text()).get("model") or {}
    if isinstance(model, str):
        model = yaml.safe_load((path.parent / model).read_text())
    return model if isinstance(model, dict) else {}


@contextmanager
def checkpoint_errors(path: Path) -> Iterator[None]:
    """Report a missing or odd value in a checkpoint as a checkpoint of another project."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError) as error:
        raise foreign(path) from error


def check_config(config: dict[str, Any], subcommand: str, checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse a config that contradicts the checkpoint that it is to run with.

    Args:
        config: with ``model``, ``data`` and ``weights_only``.
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        checkpoint: as ``read_checkpoint`` gives it.
        path: of the checkpoint, for the message.

    Raises:
        CheckpointError: the config has another model, it would validate on training images, or there is
            nothing to validate on.
    """
    if config["weights_only"] is False:
        raise CheckpointError("--weights_only false lets a checkpoint run code: leave it out.")
    free = () if subcommand == "fit" else EVALUATION
    model = {key: value for key, value in config["model"].items() if key not in free}
    for key, given, known in differences(model, checkpoint["hyper_parameters"]):
        raise CheckpointError(
            f"model.{key} is {shown(given)} but {shown(known)} in the checkpoint {path}, which has its "
            "own model: leave the key out, or choose another checkpoint with --ckpt_path."
        )
    if subcommand in ("fit", "validate"):
        _check_split(config["data"], checkpoint["datamodule_hyper_parameters"], path)
    if subcommand == "validate" and not config["data"]["val_size"]:
        raise CheckpointError("There is nothing to validate on: data.val_size is 0. Use test.")


def _check_split(data: dict[str, Any], known: dict[str, Any], path: Path) -> None:
    """Refuse to validate on images that were trained on.

    The held-out images are the first of an order that depends on the seed. Fewer of them are still unseen.
    """
    if not set(SPLIT) <= known.keys():
        return
    for key, fits in (
        ("split_seed", data["split_seed"] == known["split_seed"] or not data["val_size"]),
        ("val_size", data["val_size"] <= known["val_size"]),
    ):
        if not fits:
            raise CheckpointError(
                f"data.{key} is {data[key]} but {known[key]} in the checkpoint {path}: it would be validated "
                f"on images that it was trained on. Use --data.{key} {known[key]}, or choose another."
            )


def differences(
    given: dict[str, Any], known: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys that both hyperparameters have with different values: (key, given, known)."""
    for key in sorted(given.keys() & known.keys()):
        ours, theirs = _plain(given[key]), _plain(known[key])
        if key == "class_path" and pydoc.locate(ours) is pydoc.locate(theirs):
            continue  # the same class by another path
        if isinstance(ours, dict) and isinstance(theirs, dict):
            inner = list(differences(ours, theirs, f"{prefix}{key}."))
            yield from inner[:1]  # of another class the arguments don't compare
        elif ours != theirs:
            yield f"{prefix}{key}", ours, theirs


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def shown(value: Any) -> Any:
    """Format a value as in a config; a class without its arguments."""
    return value.get("class_path", value) if isinstance(value, dict) else "null" if value is None else value


def decisive(trainer: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a trainer's config that a resumed run must not change; checkpoints store it."""
    given = trainer.get("callbacks") or []
    callbacks = [
        callback
        for callback in ([given] if isinstance(given, dict) else given)  # one needs no list
        if not callback["class_path"].endswith(RECORDING)
    ]
    return {**{key: trainer.get(key) for key in DECISIVE}, "callbacks": callbacks}


def check_resume(config: dict[str, Any], checkpoint: dict[str, Any], path: Path, new: bool) -> None:
    """Refuse a ``fit`` that could not continue as the run of its checkpoint would have.

    A new run that starts from a checkpoint may change more, but not inside an epoch.

    Args:
        config: of ``fit``, with ``seed_everything``, ``data`` and ``trainer``.
        checkpoint: as ``read_checkpoint`` gives it.
        path: of the checkpoint, for the message.
        new: whether a new run starts from it; otherwise the run of the checkpoint continues.

    Raises:
        CheckpointError: the seed, the training images or a decisive key of the trainer differ, no epochs are
            left, or more than the schedule was planned for.
    """
    trainer = config["trainer"]
    if trainer["max_epochs"] is None and trainer["max_steps"] == -1 and trainer["max_time"] is None:
        own = path.parent.parent / "config.yaml"  # RunConfig writes it
        raise CheckpointError(
            f"The checkpoint {path} says nothing about how long to train: use "
            f"--config {own if own.exists() else 'configs/mlp.yaml'}."
        )
    known = checkpoint.get("callbacks", {}).get("ExactResume", {})
    _check_seed(config["seed_everything"], known, path)
    inside = not _ends_an_epoch(checkpoint)
    why = (
        "from inside an epoch: the rest of the epoch would differ"
        if inside
        else "whose run continues unchanged"
    )
    if inside or not new:
        for key, given, before in _changes(config, checkpoint, known):
            raise CheckpointError(
                f"{key} is {_shown(given)} but {_shown(before)} in the checkpoint {path}, {why}. "
                f"{_remedy(key, before)}, or start a new run without --ckpt_path."
            )
    _check_length(config["trainer"], checkpoint, known, path)


def _check_seed(seed: int | bool, known: dict[str, Any], path: Path) -> None:
    if known and seed is not False and (seed is True or seed != known["seed"]):  # true draws a new one
        raise CheckpointError(
            f"seed_everything is {seed} but {known['seed']} in the checkpoint {path}: the images would come "
            f"in another order. Use --seed_everything {known['seed']}."
        )


def _changes(
    config: dict[str, Any], checkpoint: dict[str, Any], known: dict[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    data = {key: value for key, value in config["data"].items() if key not in NO_EFFECT}
    for key, *values in differences(data, checkpoint["datamodule_hyper_parameters"]):
        yield f"data.{key}", *values
    for key, *values in differences(decisive(config["trainer"]), known.get("trainer", {})):
        yield f"trainer.{key}", *values
    if config.get("threads") != known.get("threads", config.get("threads")):
        yield "threads", config["threads"], known["threads"]
    epochs = config["trainer"]["max_epochs"]
    if data.get("augment") and data.get("augment_annealing") and epochs != known.get("max_epochs", epochs):
        yield "trainer.max_epochs", epochs, known["max_epochs"]  # over which the distortion is annealed


def _shown(value: Any) -> Any:
    """Format a value for a message; of callbacks the names and arguments."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return shown(value)
    return ", ".join(f"{item['class_path']} {item.get('init_args', {})}" for item in value) or "none"


def _remedy(key: str, before: Any) -> str:
    if key == "trainer.callbacks":
        return "Give the config that it was made with"
    return f"Use --{key} {shown(before)}"


def _ends_an_epoch(checkpoint: dict[str, Any]) -> bool:
    progress = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_loop.batch_progress", {})
    return bool(progress.get("is_last_batch", True))


def _check_length(
    trainer: dict[str, Any], checkpoint: dict[str, Any], known: dict[str, Any], path: Path
) -> None:
    """Refuse a run without epochs left, or with more than its schedule was planned for."""
    max_epochs = trainer["max_epochs"]
    steps, whole = checkpoint.get("global_step"), _ends_an_epoch(checkpoint)
    if not max_epochs or max_epochs < 0 or not steps:
        return
    epochs = checkpoint["epoch"] + whole
    epoch_steps = known.get("epoch_steps") or (steps // epochs if whole else 0)
    planned = next((schedule.get("total_steps") for schedule in checkpoint["lr_schedulers"]), None)
    if planned and max_epochs * epoch_steps > planned:
        raise CheckpointError(
            f"trainer.max_epochs is {max_epochs}, but the learning-rate schedule in {path} ends with epoch "
            f"{planned // epoch_steps}: a longer run has to be a new one, without --ckpt_path."
        )
    if planned and planned <= steps:
        raise CheckpointError(f"The run of {path} is complete: start a new one, without --ckpt_path.")
    if max_epochs <= epochs:
        raise CheckpointError(
            f"There is nothing to resume: trainer.max_epochs is {max_epochs}, and {path} was trained for "
            f"{epochs}. Set trainer.max_epochs higher."
        )
