"""PageDataModule: rendered pages to train and to validate the detector on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from digitrec.data.datamodule import TRAINING_IMAGES
from digitrec.data.download import ensure_mnist
from digitrec.data.glyphs import VERSION, Glyphs, drawn_digits, drawn_marks, from_images
from digitrec.data.mnist import load_mnist
from digitrec.data.pages.layouts import Pool
from digitrec.data.pages.marks.fonts import strips
from digitrec.data.pages.scene import Renderer, Scene
from digitrec.data.pages.targets import PageBatch, targets
from digitrec.data.ranges import check_range
from digitrec.data.raster import use_one_thread
from digitrec.data.samplers import ShuffledSampler
from digitrec.models.specs import stored

SHAPES = ((96, 96, 10), (64, 64, 20), (64, 176, 8), (112, 112, 8), (128, 128, 6), (160, 160, 4))
"""Height, width and number of the scenes of a batch, by turns; about 90,000 pixels each."""

VALIDATION = 1_000_003
"""Part of the key of every validation scene, and of no training scene: steps come first there."""


@dataclass(frozen=True)
class PoolSizes:
    """How many glyphs of a kind a pool has."""

    written: int = 14_000
    drawn: int = 6_000
    marks: int = 4_000


class PageDataset(Dataset[PageBatch]):
    """Batches of scenes by the step; each is a pure function of seed, step and rank.

    Args:
        renderer: makes the scenes.
        seed: of the run.
        rank: of the process.
        steps: how many batches an epoch has.
        with_items: whether the batches say what is on the pages, for validation.
    """

    def __init__(
        self, renderer: Renderer, seed: int, rank: int, steps: int, with_items: bool = False
    ) -> None:
        self.renderer, self.seed, self.rank, self.steps = renderer, seed, rank, steps
        self.with_items = with_items

    def __len__(self) -> int:
        return self.steps

    def scenes(self, step: int) -> list[Scene]:
        """Render the scenes of a step."""
        height, width, count = SHAPES[step % len(SHAPES)]
        return [
            self.renderer.scene(height, width, self.seed, step, self.rank, number) for number in range(count)
        ]

    def __getitem__(self, step: int) -> PageBatch:
        return targets(self.scenes(step), self.with_items)


class StepSampler(ShuffledSampler):
    """The steps of an epoch in order; each process renders its own scenes for each of them."""

    def __iter__(self) -> Iterator[int]:
        skip, self.skip = self.skip, 0
        steps = len(self.dataset)  # type: ignore[arg-type]
        return iter(range(self.epoch * steps + skip, (self.epoch + 1) * steps))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]


class PageDataModule(LightningDataModule):
    """Rendered pages: new ones at every training step, a fixed set for validation.

    Args:
        data_dir: folder of MNIST, and of the glyphs that are made of it once.
        steps: training batches an epoch.
        val_steps: validation batches; 120 have some 3,300 digits.
        val_size: training images of MNIST held out: validation pages are written with these alone.
        split_seed: which images are held out, as in MNISTDataModule.
        num_workers: processes that render.
        sizes: of the pool of glyphs for training; validation has a fifth.

    Raises:
        ValueError: a size that is not possible.
    """

    def __init__(
        self,
        data_dir: str = "data",
        steps: int = 1000,
        val_steps: int = 120,
        val_size: int = 5000,
        split_seed: int = 0,
        num_workers: int = 1,
        sizes: PoolSizes | None = None,
    ) -> None:
        super().__init__()
        check_range({"steps": steps, "val_steps": val_steps}, 1, math.inf)
        check_range({"val_size": val_size}, 1, TRAINING_IMAGES - 1)
        check_range({"num_workers": num_workers}, 0, math.inf)
        self.save_hyperparameters(logger=False)
        self.save_hyperparameters(stored("data", self.hparams), logger=False)
        self.data_dir, self.steps, self.val_steps = data_dir, steps, val_steps
        self.val_size, self.split_seed, self.num_workers = val_size, split_seed, num_workers
        self.sizes = sizes or PoolSizes()

    def prepare_data(self) -> None:
        """Fetch MNIST, and make the glyphs once: two minutes."""
        ensure_mnist(self.data_dir)
        for train in (True, False):
            if not self._file(train).exists():
                _make_pool(self.data_dir, self.sizes, train, self.val_size, self.split_seed).save(
                    self._file(train)
                )

    def setup(self, stage: str) -> None:
        """Read the glyphs and make the renderers."""
        use_one_thread()  # num_workers 0 renders in this process
        seed = torch.initial_seed()
        rank = self.trainer.global_rank if self.trainer is not None else 0
        self.train_set = PageDataset(self.renderer(train=True), seed, rank, self.steps)
        self.val_set = PageDataset(self.renderer(train=False), VALIDATION, 0, self.val_steps, with_items=True)

    def train_dataloader(self) -> DataLoader[PageBatch]:
        """Return training batches, by the step."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = StepSampler(self.train_set, num_replicas=world, rank=rank)
        return self._loader(self.train_set, sampler=sampler)

    def val_dataloader(self) -> DataLoader[PageBatch]:
        """Return the fixed validation batches."""
        return self._loader(self.val_set, shuffle=False)

    def transfer_batch_to_device(
        self, batch: PageBatch, device: torch.device, dataloader_idx: int
    ) -> PageBatch:
        """Move the tensors of a batch; the items stay."""
        *tensors, items = batch
        return PageBatch(*(part.to(device) for part in tensors), items)  # type: ignore[call-arg,arg-type]

    def _loader(self, dataset: PageDataset, **how: Any) -> DataLoader[PageBatch]:
        return DataLoader(
            dataset,
            batch_size=1,  # one step
            collate_fn=_first,
            num_workers=self.num_workers,
            worker_init_fn=_one_thread,
            prefetch_factor=8 if self.num_workers else None,
            persistent_workers=self.num_workers > 0,
            **how,
        )

    def _file(self, train: bool) -> Path:
        sizes = self.sizes
        name = f"{VERSION}-{sizes.written}-{sizes.drawn}-{sizes.marks}-{self.val_size}-{self.split_seed}"
        return Path(self.data_dir) / f"glyphs-{'train' if train else 'val'}-{name}.npz"

    def renderer(self, train: bool) -> Renderer:
        """Return a renderer for training or for validation pages, after ``prepare_data``."""
        drawn = self.sizes.drawn if train else self.sizes.drawn // 5
        return Renderer(Pool(Glyphs.load(self._file(train)), drawn), strips(400, seed=int(train)))


def _make_pool(data_dir: str, sizes: PoolSizes, train: bool, val_size: int, split_seed: int) -> Glyphs:
    images, labels = load_mnist(data_dir, train=True)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(split_seed))
    chosen = order[val_size:] if train else order[:val_size]
    share = 1 if train else 5
    chosen = chosen[: sizes.written // share]
    return Glyphs.join(
        [
            from_images(images[chosen].numpy(), labels[chosen].numpy()),
            drawn_digits(sizes.drawn // share, seed=1 + int(train)),
            drawn_marks(sizes.marks // share, seed=3 + int(train)),
        ]
    )


def _first(batches: list[PageBatch]) -> PageBatch:
    return batches[0]


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    use_one_thread()
