"""A CSVLogger that continues the table of an earlier run."""

import csv
import io
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from digitrec.files import replacing


class ContinuedCSVLogger(CSVLogger):
    """CSVLogger that continues the ``metrics.csv`` of a run; Lightning's own would delete it.

    Args:
        save_dir: see CSVLogger, also for the arguments that are not listed here.
        purge_step: rows from this step on are dropped, like TensorBoardLogger's argument of that name.
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
        """Return the writer of the table."""
        if self._experiment is None:
            self._experiment = _ContinuedTable(self.log_dir, self._purge_step)
        return self._experiment  # type: ignore[return-value]  # Lightning types it by the base class


class _ContinuedTable(ExperimentWriter):
    def __init__(self, log_dir: str, purge_step: int) -> None:
        super().__init__(log_dir)
        path = Path(self.metrics_file_path)
        if not path.exists():
            return
        with path.open(newline="") as file:
            table = csv.DictReader(file)
            whole = (
                row for row in table if None not in row.values()
            )  # a kill may have truncated the last row
            kept = [row for row in whole if int(row["step"]) < purge_step]
        self.metrics_keys = list(table.fieldnames or [])
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.metrics_keys)
        writer.writeheader()
        writer.writerows(kept)
        with replacing(path) as target:
            target.write(text.getvalue().encode())

    def _check_log_dir_exists(self) -> None:
        """Do nothing: the table stays."""
