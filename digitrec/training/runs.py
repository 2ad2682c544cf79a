"""Which run is meant where no file is named: the newest of the config's model among its logger's."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonargparse import ArgumentError, Namespace
from lightning.pytorch.cli import LightningArgumentParser
from torch import nn

from digitrec.models.checkpoints import (
    PRETRAINED,
    CheckpointError,
    differences,
    foreign_names,
    read_checkpoint,
)
from digitrec.training.classifier import DigitClassifier

LOGGER = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": ".", "name": "lightning_logs", "default_hp_metric": False},
}
"""The logger where no config names one; it is also where runs are looked for."""


def named_checkpoint(which: str, folder: Path = Path("lightning_logs")) -> Path:
    """Find the checkpoint that a word or a file's name means, where no config says more.

    Args:
        which: ``pretrained``, ``best`` or ``last`` of the newest run, or a file.
        folder: where runs are kept.

    Raises:
        CheckpointError: there is no run, or the newest has no such checkpoint.
    """
    if which not in ("best", "last"):
        return PRETRAINED if which == "pretrained" else Path(which)
    found = find_checkpoint(which, [folder])
    if found is None:
        raise CheckpointError(f"There is no trained run in {folder}: give a file, or pretrained.")
    return found


def newest_run(which: str | None, given: Namespace) -> Path:
    """Find the checkpoint of the newest run that matches what a user gave.

    Args:
        which: ``best``, ``last``, or None for the best there is.
        given: what the user's files and command line say themselves of ``model`` and ``trainer``.

    Raises:
        CheckpointError: there is no such run.
    """
    folders = _runs_folders(given)
    path = _find_matching(which, folders, given.get("model") or {})
    if path is None:
        of_this_network = " of the config's network" if given.get("model.network") else ""
        raise CheckpointError(
            f"There is no trained run{of_this_network} in {folders[0]}: train one with "
            "python -m digitrec fit --config configs/mlp.yaml, or give a file with --ckpt_path."
        )
    return path


def find_checkpoint(
    which: str | None, folders: Sequence[Path], matches: Callable[[dict[str, Any]], bool] = lambda _: True
) -> Path | None:
    """Find a checkpoint of the newest run under some folders.

    Args:
        which: ``best`` or ``last``; None takes the best, and the last where a run had no validation images. A
            newer training that has no checkpoint yet is passed over by None alone, with a line that says so.
        folders: where runs are kept, at any depth.
        matches: called with the hyperparameters of a run's model, says whether the run counts.

    Returns:
        The file, or None where no run matches.

    Raises:
        CheckpointError: the newest run that matches has no such checkpoint; or one cannot be read.
    """
    unsaved = None
    for run in _runs(folders):
        best, last = run / "best.ckpt", run / "last.ckpt"
        path = best if best.exists() else last
        if not path.exists():
            if unsaved is None and _trains(run.parent / "config.yaml", matches):
                unsaved = run.parent
            continue
        checkpoint = read_checkpoint(path)
        if not matches(checkpoint["hyper_parameters"]):
            continue
        if unsaved and which:
            raise _nothing_saved(unsaved, last if which == "last" and last.exists() else path)
        if which == "best" and not best.exists():
            reason = (
                "stopped before its first validation"
                if checkpoint["datamodule_hyper_parameters"].get("val_size")
                else "trained without validation images (data.val_size 0), so its last epoch is the result"
            )
            raise CheckpointError(
                f"The newest run, {run}, has no best checkpoint: it was {reason}. Use --ckpt_path last."
            )
        if which == "last" and not last.exists():
            raise CheckpointError(f"The newest run, {run}, has no last checkpoint. Use --ckpt_path best.")
        if unsaved:
            print(f"The newest run, {unsaved}, has no checkpoint: an older one is taken.")
        return last if which == "last" else path
    if unsaved:
        raise _nothing_saved(unsaved, None)
    return None


def _find_matching(which: str | None, folders: Sequence[Path], given: Any) -> Path | None:
    """The newest run whose model is wholly the given one; failing that, whose network is."""
    if not given.get("network"):
        return find_checkpoint(which, folders)
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--model.network", type=nn.Module)
    network = parser.parse_object({"model": {"network": given["network"]}}).model.as_dict()
    path = None
    with suppress(ArgumentError):  # the given model is not whole
        parser = LightningArgumentParser(exit_on_error=False)
        parser.add_lightning_class_args(DigitClassifier, "model")
        model = parser.parse_object({"model": given}).model.as_dict()  # with the defaults of the classes
        path = find_checkpoint(which, folders, lambda known: not any(differences(model, known)))
    return path or find_checkpoint(which, folders, lambda known: not any(differences(network, known)))


def _runs_folders(given: Namespace) -> list[Path]:
    """Where the config's logger keeps its runs; without a logger also where checkpoints lie then."""
    logger = given.get("trainer.logger")
    first = logger[0] if isinstance(logger, list) and logger else logger
    named = isinstance(first, Namespace | dict)
    init_args = {**LOGGER["init_args"], **dict(first.get("init_args") or {} if named else {})}  # type: ignore[dict-item]
    if named and first["class_path"].endswith("WandbLogger"):  # its name is that of one run
        init_args["name"] = init_args.get("project") or "lightning_logs"
    folders = [Path(init_args["save_dir"] or ".").expanduser() / (init_args["name"] or "")]
    if logger is False:
        folders.append(Path(given.get("trainer.default_root_dir") or ".") / "checkpoints")
    return folders


def _runs(folders: Sequence[Path]) -> list[Path]:
    """The folders of checkpoints, whether there are any yet or not, the newest first."""
    newest: dict[Path, float] = {}
    for folder in folders:
        for path in [*folder.rglob("best.ckpt"), *folder.rglob("last.ckpt")]:
            newest[path.parent] = max(newest.get(path.parent, 0.0), path.stat().st_mtime)
    for folder in folders:
        for path in folder.rglob("config.yaml"):
            newest.setdefault(path.parent / "checkpoints", path.stat().st_mtime)
    return sorted(newest, key=lambda run: newest[run], reverse=True)


def _trains(config: Path, matches: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a run's config is that of a training, of a model that matches."""
    try:
        content = yaml.safe_load(config.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return False
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        return False
    evaluates = {"verbose", "return_predictions"} & content.keys()  # as test, validate and predict have
    return not evaluates and not any(foreign_names(content["model"], {})) and matches(content["model"])


def _nothing_saved(run: Path, older: Path | None) -> CheckpointError:
    instead = f", or name the older run's checkpoint: --ckpt_path {older}" if older else ""
    return CheckpointError(
        f"The newest run, {run}, has no checkpoint: it was stopped before its first, or has only begun, so "
        f"nothing can go on from it. Fit again without --ckpt_path{instead}."
    )
