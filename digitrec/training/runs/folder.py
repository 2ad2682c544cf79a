"""The folder of a run, and loggers that continue in it when the run is resumed."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.loggers.logger import DummyLogger

from digitrec.errors import DigitrecError
from digitrec.training.compat.csv_logger import ContinuedCSVLogger
from digitrec.training.compat.run_folders import claim_folder

RUNS = "lightning_logs"
"""The folder of all runs."""

RESERVED = ("..", "checkpoints", "predict", "test", "validate")
"""Names that no run may have, since other things in the folder of all runs have them."""

CONTINUED: dict[str, Any] = {
    "lightning.pytorch.loggers.TensorBoardLogger": TensorBoardLogger,
    "lightning.pytorch.loggers.CSVLogger": ContinuedCSVLogger,
}
"""The loggers that can continue in the folder of a run, and the class that does it."""


def run_folder(trainer: Trainer) -> Path | None:
    """Return the folder in which a run writes, beside its checkpoints; None without a logger.

    Lightning's ``log_dir`` is that folder for TensorBoardLogger and CSVLogger only: for others it is the
    folder of all their runs. To be called on all processes.
    """
    logger = trainer.logger
    if logger is None or isinstance(logger, DummyLogger):  # the latter by fast_dev_run
        return None
    if isinstance(logger, TensorBoardLogger | CSVLogger):
        return Path(trainer.log_dir or "")
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    folder = Path(logger.save_dir or trainer.default_root_dir) / str(logger.name) / version
    return trainer.strategy.broadcast(folder)


def short(path: str | Path) -> Path:
    """Return a path relative to the current folder, if it is inside."""
    path = Path(path)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def place(config: Namespace, subcommand: str) -> None:
    """Choose the folder of a run, by changing its config.

    Trainings are in the folder of the logger, as ``version_N`` or by their name. Evaluations are in ``test``,
    ``validate`` and ``predict`` there. Without a logger the checkpoints go where the runs are.

    Args:
        config: of the subcommand, with ``name`` and ``trainer``.
        subcommand: ``fit``, ``validate``, ``test`` or ``predict``.

    Raises:
        MisconfigurationException: the name is none of a folder, or no logger takes it.
    """
    trainer = config.trainer
    loggers = trainer.logger if isinstance(trainer.logger, list) else [trainer.logger]
    known = [each for each in loggers if isinstance(each, Namespace) and each.class_path in CONTINUED]
    if config.name and (Path(config.name).name != config.name or config.name in RESERVED):
        raise MisconfigurationException(
            f"--name {config.name} cannot be the name of a run's folder: choose another, without a slash."
        )
    if config.name and not known:
        raise MisconfigurationException(
            f"--name {config.name} needs TensorBoardLogger or CSVLogger as trainer.logger."
        )
    for arguments in (each.init_args for each in known):
        if subcommand != "fit":
            arguments.name = str(Path(arguments.name or "", subcommand))
        arguments.version = config.name or arguments.version
        if subcommand != "fit" and Path(arguments.save_dir, arguments.name, str(arguments.version)).exists():
            arguments.version = None  # the config of the run names it; an evaluation overwrites no other
    if subcommand == "fit" and trainer.logger is False and trainer.default_root_dir is None:
        trainer.default_root_dir = RUNS


@contextmanager
def new_folder(config: Namespace, trainer: Trainer, steps: int) -> Iterator[Path | None]:
    """Create the folder of a new run, and remove it if the run fails before its first step.

    It is None if its logger chooses one, or nothing is saved. To be called on the first process.

    Args:
        config: with ``trainer.logger``; a version of it stays.
        trainer: built from it.
        steps: that the checkpoint from which it starts has; 0 without one.

    Raises:
        DigitrecError: the folder is that of another run.
    """
    logger, given = trainer.logger, _first(config.trainer.logger)
    if not isinstance(logger, TensorBoardLogger | CSVLogger):
        saves = logger is None and trainer.checkpoint_callbacks
        yield Path(trainer.default_root_dir, "checkpoints") if saves else None
        return
    folder = Path(logger.log_dir)
    missing = [each for each in folder.parents if not each.exists()]
    if (folder / "config.yaml").exists():
        raise DigitrecError(f"{folder} is the folder of another run: choose another --name.")
    if isinstance(given, Namespace) and given.init_args.get("version") is not None:
        ours = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder, ours = claim_folder(logger), True
    try:
        yield folder
    except BaseException:
        if ours and not _has_begun(trainer, steps):  # `test` would look into it
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        for each in (folder, *missing):
            with suppress(OSError):  # other files are in it
                each.rmdir()


def _has_begun(trainer: Trainer, steps: int) -> bool:
    """Return whether a run has made a step, or an evaluation has seen a batch."""
    evaluations = trainer.validate_loop, trainer.test_loop, trainer.predict_loop
    return trainer.global_step > steps or any(loop.batch_progress.total.completed for loop in evaluations)


def continues(config: Namespace) -> bool:
    """Return whether a ``fit`` continues in the run folder of its ``ckpt_path``.

    Only from ``last.ckpt``: a run from another checkpoint is a new one, and would overwrite the old one.

    Args:
        config: of ``fit``, with ``ckpt_path`` and ``trainer.logger``.
    """
    logger, path = _first(config.trainer.logger), Path(config.ckpt_path)
    if path.name != "last.ckpt" or not isinstance(logger, Namespace) or logger.class_path not in CONTINUED:
        return False
    args, run = logger.init_args, path.parent.parent
    runs = Path(args.save_dir or ".").expanduser() / (args.name or "")
    return runs.resolve() == run.parent.resolve() and args.version in (None, run.name, _version(run))


def resumed_loggers(config: Namespace, built: Any, checkpoint: dict[str, Any]) -> list[Logger]:
    """Build the loggers of a run that continues in its folder.

    Points that the run had logged after the checkpoint, before it was stopped, are dropped.

    Args:
        config: of ``fit``, for which ``continues`` is true.
        built: the logger or loggers that its config makes; those that can continue are replaced.
        checkpoint: from which it continues.
    """
    given, made = ([each] if not isinstance(each, list) else each for each in (config.trainer.logger, built))
    known = checkpoint.get("callbacks", {}).get("ExactResume", {}).get("versions", [None] * len(given))
    # The first one's folder has the checkpoints, whatever it was called when they were written.
    versions = [_version(Path(config.ckpt_path).parent.parent), *known[1:]]
    for place, (logger, version) in enumerate(zip(given, versions, strict=False)):
        if version is not None and logger.class_path in CONTINUED:
            continued = {"version": version, "purge_step": checkpoint["global_step"]}
            made[place] = CONTINUED[logger.class_path](**{**logger.init_args.as_dict(), **continued})
    return made


def _first(loggers: Any) -> Any:
    return loggers[0] if isinstance(loggers, list) and loggers else loggers


def _version(run: Path) -> int | str:
    found = re.fullmatch(r"version_(\d+)", run.name)
    return int(found[1]) if found else run.name
