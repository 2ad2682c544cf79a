"""Predictions as a file: ``predictions.csv``, and what was read in pictures."""

import csv
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from digitrec.data.batches import PredictBatch
from digitrec.files import replacing_text
from digitrec.reading.pictures.picture import Picture
from digitrec.training.callbacks.collector import on_first_process
from digitrec.training.callbacks.progress import say
from digitrec.training.runs.folder import run_folder

if TYPE_CHECKING:
    from digitrec.reading.output import PictureOutput

COLUMNS = ["index", "digit", "confidence", *(f"p{digit}" for digit in range(10))]


class PredictionsWriter(BasePredictionWriter):
    """Write ``predictions.csv`` into the run folder; for pictures also print what was read, a line each.

    A row starts with the index of a test image, or with the place of a digit in a picture (file, line,
    position, x, y, width, height, in pixels of the picture). The digit, its confidence and ten probabilities
    follow. The file gets its name when the last row has been written, so it is always complete.

    Args:
        threshold: confidence, 0 to 1, below which a digit in a picture is ``?``; None takes the model's.
        annotate: also write a copy of each picture with its digits boxed, and sheets of the 28x28 crops.

    Raises:
        ValueError: the threshold is not 0 to 1.
    """

    def __init__(self, threshold: float | None = None, annotate: bool = False) -> None:
        super().__init__(write_interval="batch")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"predictions.threshold must be 0 to 1, not {threshold}")
        self.failed = 0
        """Number of pictures that could not be read."""
        self._threshold = threshold
        self._annotate = annotate
        self._pictures: PictureOutput | None = None
        self._path: Path
        self._replacing = ExitStack()
        self._file: TextIOWrapper

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the file under a temporary name; the first process writes for all."""
        folder = run_folder(trainer) or Path(trainer.default_root_dir)  # a collective operation
        if not trainer.is_global_zero:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "predictions.csv"
        self._file = self._replacing.enter_context(replacing_text(self._path))
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if data.pictures is None:
            csv.writer(self._file).writerow(COLUMNS)
            return
        # Imported here: it is slow to import, and training does not need it.
        from digitrec.reading.output import PictureOutput

        annotated = folder / "annotated" if self._annotate else None
        self._pictures = PictureOutput(self._file, annotated, sheets=folder)

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: dict[str, Tensor],
        batch_indices: Sequence[int] | None,
        batch: PredictBatch,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write the rows of a batch, and of the batches of the other processes, in order."""
        found = batch.pictures, {name: value.cpu() for name, value in prediction.items()}
        total = len(trainer.predict_dataloaders.dataset)  # type: ignore[union-attr]
        left = total - batch_idx * trainer.world_size  # the rest are repetitions
        threshold: Any = pl_module.threshold if self._threshold is None else self._threshold
        for pictures, values in on_first_process(trainer, found)[:left]:
            if pictures is None:
                self._write_batch(values)
                continue
            rows = torch.split(values["probabilities"], [len(picture.found) for picture in pictures])
            for picture, probabilities, turns in zip(pictures, rows, values["turns"].tolist(), strict=True):
                self._write_picture(trainer, picture, probabilities, turns, threshold)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name, and print where it is."""
        if not trainer.is_global_zero:
            return
        if self._pictures is not None:
            self._pictures.close()
        self._replacing.close()
        say(trainer, f"Predictions: {self._path}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the unfinished file."""
        with suppress(OSError):  # a full disk, again
            self._replacing.__exit__(type(exception), exception, exception.__traceback__)

    def _write_batch(self, prediction: dict[str, Tensor]) -> None:
        rows = csv.writer(self._file)
        columns = (prediction[name].tolist() for name in ("index", "digit", "probabilities"))
        for index, digit, probabilities in zip(*columns, strict=True):
            rows.writerow([index, digit, *(f"{p:.6f}" for p in (probabilities[digit], *probabilities))])

    def _write_picture(
        self, trainer: Trainer, picture: Picture, probabilities: Tensor, turns: int, threshold: float
    ) -> None:
        from digitrec.reading.reader import assemble

        assert self._pictures is not None
        if picture.page is not None:
            reading = assemble(picture.page, picture.found, probabilities.numpy(), turns, threshold)
            say(trainer, self._pictures.write(picture.path, picture.page, reading))
        else:
            self.failed += 1
            say(trainer, f"digitrec: {picture.error}", sys.stderr)
