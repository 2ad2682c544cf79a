"""The folder of a run, and loggers that continue in it when the run is resumed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.loggers.logger import DummyLogger

from digitrec.training.compat.csv_logger import ContinuedCSVLogger
from digitrec.training.compat.run_folders import claim_folder

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


@contextmanager
def new_folder(config: Namespace, trainer: Trainer) -> Iterator[Path | None]:
    """Create the folder of a new run, and remove it if nothing has been written when the block ends.

    It is None if its logger chooses one, or nothing is saved. To be called on the first process.

    Args:
        config: with ``trainer.logger``; a version of it stays.
        trainer: built from it.
    """
    logger, given = trainer.logger, _first(config.trainer.logger)
    if not isinstance(logger, TensorBoardLogger | CSVLogger):
        saves = logger is None and trainer.checkpoint_callbacks
        yield Path(trainer.default_root_dir, "checkpoints") if saves else None
        return
    folder = Path(logger.log_dir)
    missing = [each for each in folder.parents if not each.exists()]
    if isinstance(given, Namespace) and given.init_args.get("version") is not None:
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = claim_folder(logger)
    try:
        yield folder
    finally:
        with suppress(OSError):
            for each in (folder, *missing):
                each.rmdir()


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


def resumed_loggers(config: Namespace, built: Any, step: int) -> list[Logger]:
    """Build the loggers of a run that continues in its folder.

    Args:
        config: of ``fit``, for which ``continues`` is true.
        built: the logger or loggers that its config makes. The first is replaced: Lightning puts checkpoints
            into its folder.
        step: points from this step on, which the run had logged before it was stopped, are dropped.
    """
    logger = _first(config.trainer.logger)
    run = Path(config.ckpt_path).parent.parent
    arguments = {**logger.init_args.as_dict(), "version": _version(run), "purge_step": step}
    return [CONTINUED[logger.class_path](**arguments), *(built[1:] if isinstance(built, list) else [])]


def _first(loggers: Any) -> Any:
    return loggers[0] if isinstance(loggers, list) and loggers else loggers


def _version(run: Path) -> int | str:
    found = re.fullmatch(r"version_(\d+)", run.name)
    return int(found[1]) if found else run.name
