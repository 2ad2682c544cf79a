"""Finding the newest run of the config's model, in the folder of its logger."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, Namespace
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LightningArgumentParser
from torch import nn

from digitrec.errors import CheckpointError, UsageError
from digitrec.models.pretrained import PRETRAINED
from digitrec.runs import find_checkpoint
from digitrec.training.runs.checks import differences
from digitrec.training.runs.folder import RUNS

LOGGER = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": ".", "name": RUNS, "default_hp_metric": False},
}
"""The default logger; runs are looked for in its folder."""


def choose_checkpoint(
    subcommand: str, given: Namespace, module: type[LightningModule], detector: bool
) -> Path | None:
    """Find the checkpoint that is meant by ``--ckpt_path``.

    Args:
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.
        given: what the user's files and command line say, without defaults.
        module: the LightningModule, for the defaults of its arguments.
        detector: whether it trains the page detector; otherwise the classifier.

    Returns:
        The file; None for a ``fit`` that begins without one.

    Raises:
        UsageError: the word cannot be used with this command.
        CheckpointError: there is no such run.
    """
    which = given.get("ckpt_path")
    if which is None and subcommand == "fit":
        return None
    if "://" in (which or ""):
        raise UsageError(f"--ckpt_path {which} is a URL: download it and give the file's path.")
    if which == "pretrained":
        if subcommand == "fit":
            raise UsageError(
                "pretrained cannot be resumed: start from its weights with --model.start_from pretrained."
            )
        if detector:
            raise UsageError(
                "pretrained has weights only: give a run's file, best or last, or fit --model.start_from."
            )
        return PRETRAINED
    if which not in (None, "best", "last"):
        return Path(which)
    return newest_run(which, given, module, detector)


def newest_run(
    which: str | None, given: Namespace, module: type[LightningModule], detector: bool = False
) -> Path:
    """Find the checkpoint of the newest run that matches the user's config.

    Args:
        which: ``best``, ``last``, or None for the best there is.
        given: ``model`` and ``trainer`` as the user's files and command line say, without defaults.
        module: the LightningModule, for the defaults of its arguments.
        detector: whether it trains the page detector; otherwise the classifier.

    Raises:
        CheckpointError: there is no such run.
    """
    folders = _runs_folders(given)

    def find(matches: Callable[[dict[str, Any]], bool] = lambda _: True) -> Path | None:
        return find_checkpoint(which, folders, matches, detector)

    path = _find_matching(find, given.get("model") or {}, module)
    if path is None:
        of_this_network = " of the config's network" if given.get("model.network") else ""
        raise CheckpointError(
            f"There is no trained run{of_this_network} in {folders[0]}: train one with "
            "digitrec fit --config configs/mlp.yaml, or give a file with --ckpt_path."
        )
    return path


def _find_matching(
    find: Callable[..., Path | None], given: Any, module: type[LightningModule]
) -> Path | None:
    """Find the newest run with the whole given model; if there is none, with its network."""
    if not given.get("network"):
        return find()
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--model.network", type=nn.Module)
    network = parser.parse_object({"model": {"network": given["network"]}}).model.as_dict()
    path = None
    with suppress(ArgumentError):  # the given model is incomplete
        parser = LightningArgumentParser(exit_on_error=False)
        parser.add_lightning_class_args(module, "model")
        model = parser.parse_object({"model": given}).model.as_dict()  # with the defaults of the classes
        path = find(lambda known: not any(differences(model, known)))
    return path or find(lambda known: not any(differences(network, known)))


def _runs_folders(given: Namespace) -> list[Path]:
    """Return the folder of the config's logger, and that of the trainer."""
    logger = given.get("trainer.logger")
    first = logger[0] if isinstance(logger, list) and logger else logger
    named = isinstance(first, Namespace | dict)
    init_args = {**LOGGER["init_args"], **dict(first.get("init_args") or {} if named else {})}  # type: ignore[dict-item]
    if named and first["class_path"].endswith("WandbLogger"):  # its name is the name of one run
        init_args["name"] = init_args.get("project") or RUNS
    folders = [Path(init_args["save_dir"] or ".").expanduser() / (init_args["name"] or "")]
    root = given.get("trainer.default_root_dir")
    return [*folders, Path(root)] if root else folders
