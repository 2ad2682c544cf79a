"""The folder of a run: where it is, and writing on in it when the run goes on."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jsonargparse import Namespace
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import DummyLogger

from digitrec.training.callbacks.last_checkpoint import replacing

TENSORBOARD = "lightning.pytorch.loggers.TensorBoardLogger"
CSV = "lightning.pytorch.loggers.CSVLogger"


def run_folder(trainer: Trainer) -> Path | None:
    """Where a run keeps what it writes, beside its checkpoints; None without a logger.

    Lightning's ``log_dir`` is that of TensorBoard's logger and the CSV logger alone: of others it is the
    folder of all their runs. To be asked on all processes.
    """
    logger = trainer.logger
    if logger is None or isinstance(logger, DummyLogger):  # the latter by fast_dev_run
        return None
    if isinstance(logger, TensorBoardLogger | CSVLogger):
        return Path(trainer.log_dir or "")
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    folder = Path(logger.save_dir or trainer.default_root_dir) / str(logger.name) / version
    return trainer.strategy.broadcast(folder)


def own_logger(config: Namespace) -> Namespace | None:
    """Find the logger of a ``fit`` config that can write on in the run folder of its ``ckpt_path``.

    Only for ``last.ckpt``: what starts from another checkpoint is another run, and would overwrite this one.

    Returns:
        The logger's part of the config; None where a new folder is to be made.
    """
    logger, path = config.trainer.logger, Path(config.ckpt_path)
    if isinstance(logger, list) and logger:
        logger = logger[0]  # Lightning puts the checkpoints into the folder of the first
    if path.name != "last.ckpt" or not isinstance(logger, Namespace):
        return None
    if logger.class_path not in (TENSORBOARD, CSV):
        return None
    args, run = logger.init_args, path.parent.parent
    runs = Path(args.save_dir or ".").expanduser() / (args.name or "")
    if runs.resolve() != run.parent.resolve() or args.version not in (None, run.name, _version(run)):
        return None
    return logger


@contextmanager
def writing_on(config: Namespace, step: int) -> Iterator[None]:
    """Let the logger that is built in the block write on in the folder of the config's run, if it can.

    It drops the points from ``step`` on that the run had logged before it was stopped. The config itself
    stays as it was: it is that of the whole run.
    """
    logger = own_logger(config)
    if logger is None:
        yield
        return
    kind, kept, run = logger.class_path, logger.init_args, Path(config.ckpt_path).parent.parent
    logger.init_args = kept.clone()
    logger.init_args.version, logger.init_args.purge_step = _version(run), step
    if kind == CSV:
        logger.class_path = f"{__name__}.{ContinuedCSVLogger.__name__}"
    try:
        yield
    finally:
        logger.class_path, logger.init_args = kind, kept


class ContinuedCSVLogger(CSVLogger):
    """CSVLogger that writes on in the ``metrics.csv`` of a run; Lightning's own would delete it.

    Args:
        save_dir: as CSVLogger's, like the others that are not said.
        purge_step: rows from this step on are dropped, as TensorBoardLogger's argument of that name does.
    """

    def __init__(
        self,
        save_dir: str,
        name: str | None = "lightning_logs",
        version: int | str | None = None,
        prefix: str = "",
        flush_logs_every_n_steps: int = 100,
        purge_step: int = 0,
    ) -> None:
        super().__init__(save_dir, name, version, prefix, flush_logs_every_n_steps)
        self._purge_step = purge_step

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """The writer of the table."""
        if self._experiment is None:
            self._experiment = _ContinuedTable(self.log_dir, self._purge_step)
        return self._experiment  # type: ignore[return-value]  # Lightning types it by the class beneath


class _ContinuedTable(ExperimentWriter):
    def __init__(self, log_dir: str, purge_step: int) -> None:
        super().__init__(log_dir)
        path = Path(self.metrics_file_path)
        if not path.exists():
            return
        with path.open(newline="") as file:
            table = csv.DictReader(file)
            whole = (row for row in table if None not in row.values())  # a kill may have cut the last short
            kept = [row for row in whole if int(row["step"]) < purge_step]
        self.metrics_keys = list(table.fieldnames or [])
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.metrics_keys)
        writer.writeheader()
        writer.writerows(kept)
        with replacing(path) as target:
            target.write(text.getvalue().encode())

    def _check_log_dir_exists(self) -> None:
        """Leave the table where it is."""


def _version(run: Path) -> int | str:
    found = re.fullmatch(r"version_(\d+)", run.name)
    return int(found[1]) if found else run.name
