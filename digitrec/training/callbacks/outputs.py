"""What a run writes besides scalars and checkpoints: the file of predictions, a sheet of distorted digits."""

import csv
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter, Callback, TQDMProgressBar
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from tqdm import tqdm

from digitrec.models.checkpoints import THRESHOLD
from digitrec.training.callbacks.collector import on_first_process
from digitrec.training.callbacks.last_checkpoint import replacing
from digitrec.training.run_folder import run_folder

if TYPE_CHECKING:
    from digitrec.data.pictures import Picture
    from digitrec.reading.output import PictureOutput

COLUMNS = ["index", "digit", "confidence", *(f"p{digit}" for digit in range(10))]


class RunConfig(SaveConfigCallback):
    """Save the whole config into the run folder; without a logger there is none, and nothing is saved."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save ``config.yaml`` before the run starts.

        Raises:
            MisconfigurationException: the folder is that of another run.
        """
        folder = run_folder(trainer)
        if folder is None or not trainer.is_global_zero or self._goes_on(folder):
            return
        if (folder / self.config_filename).exists():
            raise MisconfigurationException(
                f"{folder} is the folder of another run: give the logger a new one."
            )
        folder.mkdir(parents=True, exist_ok=True)
        self._save(folder, self.config)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace that of a run which goes on, now that nothing more can refuse it."""
        folder = run_folder(trainer)
        if folder is not None and trainer.is_global_zero and self._goes_on(folder):
            config = self.config.clone()
            config.ckpt_path = config.weights_only = None  # from the start it is made without
            self._save(folder, config)

    def _goes_on(self, folder: Path) -> bool:
        checkpoint = self.config.get("ckpt_path")
        return checkpoint is not None and Path(checkpoint).parent.parent.resolve() == folder.resolve()

    def _save(self, folder: Path, config: Namespace) -> None:
        with replacing(folder / self.config_filename) as file:
            file.write(self.parser.dump(config, skip_none=False).encode())


class DistortionSheet(Callback):
    """Show 64 training digits, each beside its distortion, in TensorBoard once a run."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the sheet as ``train/distorted`` where the data are distorted and the logger takes images."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        logger = trainer.logger
        if data.augment is None or not isinstance(logger, TensorBoardLogger) or not trainer.is_global_zero:
            return
        if trainer.global_step:  # resumed: it is there
            return
        images = data.train_set.images[:64]
        pairs = torch.stack([images, data.augment(images)], dim=1).flatten(0, 1)
        framed = F.pad(pairs, (1, 1, 1, 1), value=64)
        height, width = framed.shape[1:]
        sheet = framed.view(-1, 16, height, width).permute(0, 2, 1, 3).reshape(1, -1, 16 * width)
        logger.experiment.add_image("train/distorted", sheet, trainer.global_step)


class PredictionsWriter(BasePredictionWriter):
    """Write ``predictions.csv`` into the run folder; of pictures also say what they read, a line each.

    A row has the digit, its confidence and ten probabilities: after the index of a test image, or after the
    place of a digit in a picture (file, line, position, x, y, width, height, in the picture's own pixels).
    The file takes its name when the last row is in it: one that is there is whole.

    Args:
        threshold: confidence, 0 to 1, below which a digit in a picture is ``?``.
        annotate: write besides a copy of each picture with its digits boxed, and sheets of what the network
            saw.

    Raises:
        ValueError: the threshold is not 0 to 1.
    """

    def __init__(self, threshold: float = THRESHOLD, annotate: bool = False) -> None:
        super().__init__(write_interval="batch")
        if not 0 <= threshold <= 1:
            raise ValueError(f"predictions.threshold must be 0 to 1, not {threshold}")
        self.failed = 0
        """How many pictures could not be read."""
        self._threshold = threshold
        self._annotate = annotate
        self._pictures: PictureOutput | None = None
        self._path: Path
        self._replacing = ExitStack()
        self._file: TextIOWrapper

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the file under a temporary name, on the first of several processes: it writes for all."""
        folder = run_folder(trainer) or Path(trainer.default_root_dir)  # Lightning wants this asked on all
        if not trainer.is_global_zero:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "predictions.csv"
        file = self._replacing.enter_context(replacing(self._path, shared=True))
        self._file = TextIOWrapper(file, newline="", encoding="utf-8", errors="surrogateescape")
        self._replacing.callback(self._file.detach)  # which writes the last rows
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if data.pictures is None:
            csv.writer(self._file).writerow(COLUMNS)
            return
        # Here, for what it imports is slow and not for training.
        from digitrec.reading.output import PictureOutput

        self._pictures = PictureOutput(folder, self._file, self._threshold, self._annotate)

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: dict[str, Tensor],
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write the rows of a batch, and of those that other processes have read meanwhile, in order."""
        found = getattr(batch, "picture", None), {name: value.cpu() for name, value in prediction.items()}
        total = len(trainer.predict_dataloaders.dataset)  # type: ignore[union-attr]
        left = total - batch_idx * trainer.world_size  # beyond it they come a second time
        for picture, values in on_first_process(trainer, found)[:left]:
            if picture is None:
                self._write_batch(values)
            else:
                self._write_picture(trainer, picture, values["probabilities"])

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name, and say where it is."""
        if not trainer.is_global_zero:
            return
        if self._pictures is not None:
            self._pictures.close()
        self._replacing.close()
        print(f"Predictions: {self._path}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave nothing half-written behind."""
        with suppress(OSError):  # of a full disk, once more
            self._replacing.__exit__(type(exception), exception, exception.__traceback__)

    def _write_batch(self, prediction: dict[str, Tensor]) -> None:
        rows = csv.writer(self._file)
        columns = (prediction[name].tolist() for name in ("index", "digit", "probabilities"))
        for index, digit, probabilities in zip(*columns, strict=True):
            rows.writerow([index, digit, *(f"{p:.6f}" for p in (probabilities[digit], *probabilities))])

    def _write_picture(self, trainer: Trainer, picture: "Picture", probabilities: Tensor) -> None:
        assert self._pictures is not None
        if picture.error is None:
            _say(trainer, self._pictures.write(picture, probabilities), sys.stdout)
        else:
            self.failed += 1
            _say(trainer, f"digitrec: {picture.error}", sys.stderr)


def _say(trainer: Trainer, line: str, file: IO[str]) -> None:
    """Print a line; above the progress bar if there is one."""
    bar = trainer.progress_bar_callback
    if isinstance(bar, TQDMProgressBar) and bar.is_enabled:
        tqdm.write(line, file=file)
    else:
        print(line, file=file)
