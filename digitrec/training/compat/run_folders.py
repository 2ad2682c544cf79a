"""Creating the folder of a new run, with a number that no other process has taken."""

from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger


def claim_folder(logger: TensorBoardLogger | CSVLogger) -> Path:
    """Create the folder of a logger, under the next number if another process has created it first."""
    while True:
        folder = Path(logger.log_dir)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            logger._version = None  # so that it looks again
        else:
            return folder
