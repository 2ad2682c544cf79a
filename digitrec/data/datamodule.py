"""MNISTDataModule: the splits, their loaders, and what happens to a batch before the network."""

import math
from typing import Any, TypeVar

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule
from lightning.pytorch.accelerators import CPUAccelerator, MPSAccelerator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from digitrec.data.batches import Batch, PredictBatch
from digitrec.data.datasets import DigitDataset, PredictBatches, as_fetched
from digitrec.data.distortion import RandomDistortion
from digitrec.data.download import ensure_mnist
from digitrec.data.labelled import LabelledDigits
from digitrec.data.mnist import load_mnist
from digitrec.data.pictures import PictureDataset
from digitrec.data.ranges import check_range
from digitrec.data.samplers import ShuffledSampler, UnrepeatedSampler
from digitrec.data.synthetic.detected import VALIDATION_IMAGES, DetectedDigits
from digitrec.data.synthetic.digits import SyntheticDigits
from digitrec.data.synthetic.outliers import OutlierImages
from digitrec.models.normalization import normalize
from digitrec.models.specs import stored

TRAINING_IMAGES = 60_000

AnyBatch = TypeVar("AnyBatch", Batch, PredictBatch)


class MNISTDataModule(LightningDataModule):
    """MNIST: 60,000 training images, of which some are held out for validation, and 10,000 test images.

    Args:
        data_dir: folder with the four files in ``MNIST/raw``; they are downloaded if they are missing.
        batch_size: training images per step and process.
        eval_batch_size: images per step in validate, test and predict; it changes no result.
        val_size: number of training images that are held out for validation; 0 trains on all.
        split_seed: chooses the images that are held out. It is independent of ``seed_everything``, so that
            runs with different seeds are validated on the same images.
        pictures: files, folders and globs that ``predict`` reads instead of the test images.
        num_workers: loader processes. The images are in memory, so 0 is fastest. Pictures are read by one
            for each processor where it is 0.
        augment: distorts the training images on the device.
        augment_annealing: share of the epochs, at the end, in which the strength of the distortion decreases.
        augment_final_strength: strength of the distortion in the last epoch, 0 to 1.
        synthetic: adds synthetic digits, in styles that are rare in MNIST, to the training digits.
        detected: adds digits as the page detector finds them to the training digits, and other marks to the
            outliers.
        outliers: makes out-of-distribution images from the training digits, for outlier exposure.
        outlier_share: how many outliers a training batch gets, as a share of its digits.
        extra_dir: a folder of own digits that are added to the training digits; see LabelledDigits.
        extra_repeats: how often each of them is added.

    Raises:
        ValueError: a size that is not possible.
    """

    def __init__(
        self,
        data_dir: str = "data",
        batch_size: int = 64,
        eval_batch_size: int = 1000,
        val_size: int = 5000,
        split_seed: int = 0,
        num_workers: int = 0,
        pictures: str | list[str] | None = None,
        augment: RandomDistortion | None = None,
        augment_annealing: float = 0.0,
        augment_final_strength: float = 1.0,
        synthetic: SyntheticDigits | None = None,
        detected: DetectedDigits | None = None,
        outliers: OutlierImages | None = None,
        outlier_share: float = 0.0,
        extra_dir: str | None = None,
        extra_repeats: int = 20,
    ) -> None:
        super().__init__()
        if data_dir in (None, "", "null"):
            raise ValueError("data.data_dir must be the name of a folder; leave it out for data")
        check_range({"batch_size": batch_size, "eval_batch_size": eval_batch_size}, 1, math.inf)
        check_range({"val_size": val_size}, 0, TRAINING_IMAGES - 1)
        check_range({"num_workers": num_workers}, 0, math.inf)
        check_range({"extra_repeats": extra_repeats}, 1, math.inf)
        check_range({"augment_annealing": augment_annealing, "outlier_share": outlier_share}, 0, 1)
        check_range({"augment_final_strength": augment_final_strength}, 0, 1)
        if outlier_share and outliers is None:
            raise ValueError(f"data.outlier_share is {outlier_share}, but data.outliers is null")
        self.save_hyperparameters(logger=False)
        self.save_hyperparameters(stored("data", self.hparams), logger=False)
        self.data_dir = data_dir
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.val_size, self.split_seed = val_size, split_seed
        self.num_workers = num_workers
        self.pictures = [pictures] if isinstance(pictures, str) else pictures
        self.augment = augment
        self.augment_annealing, self.augment_final_strength = augment_annealing, augment_final_strength
        self.synthetic = synthetic
        if detected is not None and (val_size, split_seed) != (VALIDATION_IMAGES, 0):
            raise ValueError(
                f"data.detected needs data.val_size {VALIDATION_IMAGES} and data.split_seed 0: its pages are "
                "written with the other images."
            )
        self.detected = detected
        self.outliers, self.outlier_share = outliers, outlier_share
        self.extra = None if extra_dir is None else LabelledDigits(extra_dir, extra_repeats)

    def prepare_data(self) -> None:
        """Download and verify the four files, and make what takes long; one process per machine does this."""
        if not self._reads_pictures():
            ensure_mnist(self.data_dir)
        if self.detected is not None and self.trainer is not None and self.trainer.training:
            self.detected.prepare()

    def setup(self, stage: str) -> None:
        """Read the images of a stage (fit, validate, test or predict) into memory; list the pictures.

        Raises:
            MNISTUnavailableError: a file is missing or damaged.
            PictureError: data.pictures names no picture, or data.extra_dir is no folder of labelled digits.
        """
        if stage == "predict" and self.pictures is not None:
            self.picture_set = PictureDataset(self.pictures)
            if self.trainer is not None:  # another machine may have other files
                self.picture_set.paths = self.trainer.strategy.broadcast(self.picture_set.paths)
            return
        self._seed = torch.initial_seed()  # now: ExactResume seeds the generator at each step
        images, labels = load_mnist(self.data_dir, train=stage in ("fit", "validate"))
        if stage == "test":
            self.test_set = DigitDataset(images, labels)
        elif stage == "predict":
            self.predict_set = PredictBatches(images, self.eval_batch_size)
        else:
            order = torch.randperm(len(images), generator=torch.Generator().manual_seed(self.split_seed))
            held_out, rest = order[: self.val_size], order[self.val_size :]
            self.val_set = DigitDataset(images[held_out], labels[held_out])
            self.train_set = DigitDataset(images[rest], labels[rest])
            for added in (self.synthetic, self.detected, self.extra) if stage == "fit" else ():
                if added is not None:
                    self.train_set = DigitDataset(*added(self.train_set.images, self.train_set.targets))
            if stage == "fit" and self.outliers is not None:
                self.outlier_images = self.outliers(self.train_set.images, self.train_set.targets)
                if self.detected is not None:
                    self.outlier_images = self.detected.with_marks(self.outlier_images)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the training batches, in a new order each epoch that depends on ``seed_everything``."""
        sampler = ShuffledSampler(self.train_set, **self._ranks(), seed=self._seed)
        return self._loader(self.train_set, sampler, self.batch_size)

    def val_dataloader(self) -> DataLoader[Batch] | list[Any]:
        """Return the batches of the held-out images; without any an empty list, which Lightning skips."""
        return self._evaluation_loader(self.val_set) if self.val_size else []

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the 10,000 test images."""
        return self._evaluation_loader(self.test_set)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return batches of the test images, or of the user's pictures.

        They are dealt to the processes in turn. If their number is no multiple of that of the processes, the
        first ones are repeated at the end, so that all processes take the same number of steps. The
        predictions writer leaves the repeated ones out.
        """
        dataset: Dataset[PredictBatch] = self.predict_set if self.pictures is None else self.picture_set
        sampler: DistributedSampler[Any] = DistributedSampler(dataset, **self._ranks(), shuffle=False)
        workers = self.num_workers
        if self.pictures is not None and workers == 0:  # finding the digits takes longer than starting them
            from digitrec.reading.cores import processors

            workers = min(len(sampler) - 1, processors() // self._ranks()["num_replicas"])
        return DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=workers)

    def transfer_batch_to_device(
        self, batch: AnyBatch, device: torch.device, dataloader_idx: int
    ) -> AnyBatch:
        """Move the tensors of a batch to the device; a picture stays as it is."""
        parts: Any = (
            part.to(device, non_blocking=True) if isinstance(part, Tensor) else part for part in batch
        )
        return type(batch)(*parts)

    def on_after_batch_transfer(self, batch: AnyBatch, dataloader_idx: int) -> AnyBatch:
        """Normalize the pixels on the device; in training add outliers and distort everything first."""
        trainer = self.trainer
        unchanged = self.augment is None and self.outliers is None
        if isinstance(batch, PredictBatch) or unchanged or trainer is None or not trainer.training:
            return batch._replace(images=normalize(batch.images))
        # Counted and seeded by the batch, so that a resumed run continues exactly.
        batches = trainer.fit_loop.total_batch_idx + 1
        digits = images = batch.images
        if self.outliers is not None:
            images = torch.cat([images, self._next_outliers(batches, images)])
        if self.augment is not None:
            self.augment.seed(self._seed, batches, trainer.global_rank)
            images = self.augment(images, self.augment_strength(trainer.current_epoch, trainer.max_epochs))
        digits, outliers = normalize(images).tensor_split([len(digits)])
        return batch._replace(images=digits, outliers=None if self.outliers is None else outliers)

    def _next_outliers(self, batches: int, digits: Tensor) -> Tensor:
        """Take the next outliers in turn, each process its own."""
        ranks = self._ranks()
        size = round(self.outlier_share * len(digits))
        first = (batches * ranks["num_replicas"] + ranks["rank"]) * size
        chosen = torch.arange(first, first + size) % len(self.outlier_images)
        return self.outlier_images[chosen].to(digits.device)

    def augment_strength(self, epoch: int, epochs: int | None) -> float:
        """Return the strength of the distortion in an epoch, counted from 0."""
        annealed = self.augment_annealing * (epochs or 0)
        if not annealed or epochs is None or epochs < 0:  # -1: a run without end
            return 1.0
        progress = min(max(0.0, (epoch + 1 - (epochs - annealed)) / annealed), 1.0)
        return 1 - progress * (1 - self.augment_final_strength)

    def _reads_pictures(self) -> bool:
        return self.pictures is not None and self.trainer is not None and self.trainer.predicting

    def _ranks(self) -> dict[str, Any]:
        if self.trainer is None:
            return {"num_replicas": 1, "rank": 0}
        return {"num_replicas": self.trainer.world_size, "rank": self.trainer.global_rank}

    def _evaluation_loader(self, dataset: DigitDataset) -> DataLoader[Batch]:
        ranks = self._ranks()
        if len(dataset) < ranks["num_replicas"]:
            raise MisconfigurationException(
                f"{len(dataset)} images cannot be shared by {ranks['num_replicas']} processes: "
                "give data.val_size more, or trainer.devices less."
            )
        sampler = UnrepeatedSampler(dataset, **ranks, shuffle=False)
        return self._loader(dataset, sampler, self.eval_batch_size)

    def _loader(
        self, dataset: DigitDataset, sampler: DistributedSampler[int], batch_size: int
    ) -> DataLoader[Batch]:
        # On Apple's GPU there is no pinned memory, and PyTorch would warn.
        unpinned = CPUAccelerator, MPSAccelerator
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=as_fetched,
            pin_memory=self.trainer is not None and not isinstance(self.trainer.accelerator, unpinned),
            persistent_workers=self.num_workers > 0,
        )
