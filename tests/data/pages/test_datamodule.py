import importlib

import cv2
import pytest
import torch

from digitrec.data import raster
from digitrec.data.pages.datamodule import SHAPES, PageDataModule, PageDataset, PoolSizes, StepSampler

SIZES = PoolSizes(written=50, drawn=400, marks=300)


def test_batch_depends_only_on_seed_step_and_rank(renderer):
    def pages(seed, rank, step):
        return PageDataset(renderer, seed, rank, 10)[step].pages

    assert torch.equal(pages(1, 0, 1), pages(1, 0, 1))
    different = [pages(1, 0, 1), pages(2, 0, 1), pages(1, 1, 1), pages(1, 0, 1 + len(SHAPES))]
    assert not any(torch.equal(different[0], other) for other in different[1:])


def test_steps_cycle_through_the_page_shapes(renderer):
    dataset = PageDataset(renderer, 1, 0, 10)
    for step, (height, width, count) in enumerate(SHAPES):
        assert dataset[step].pages.shape == (count, 1, height, width)


def test_sampler_skips_the_steps_that_were_done_once(renderer):
    sampler = StepSampler(PageDataset(renderer, 1, 0, 5), num_replicas=1, rank=0)
    sampler.set_epoch(2)
    assert list(sampler) == [10, 11, 12, 13, 14]
    sampler.skip = 3
    assert list(sampler) == [13, 14]
    assert list(sampler) == [10, 11, 12, 13, 14]
    assert len(sampler) == 5


@pytest.fixture
def module(fake_mnist, monkeypatch) -> PageDataModule:
    data = PageDataModule(str(fake_mnist), steps=2, val_steps=1, val_size=100, num_workers=0, sizes=SIZES)
    data.prepare_data()
    torch.manual_seed(1)
    data.setup("fit")
    return data


def test_glyph_pools_are_made_once_and_training_uses_no_held_out_image(module, monkeypatch):
    made = []
    monkeypatch.setattr("digitrec.data.pages.datamodule._make_pool", lambda *args: made.append(args))
    module.prepare_data()
    assert not made
    training, validation = (data.renderer.pool.glyphs for data in (module.train_set, module.val_set))
    assert len(training) == 50 + 400 + 300
    assert len(validation) == 10 + 80 + 60
    fields = {field.tobytes() for field in training.distances}
    assert not any(field.tobytes() in fields for field in validation.distances[:10])


def test_validation_pages_are_the_same_in_every_epoch(module):
    (first, second), (again, _) = list(module.train_dataloader()), list(module.train_dataloader())
    assert first.pages.shape != second.pages.shape
    assert torch.equal(first.pages, again.pages)
    assert first.items == ()
    (validation,) = list(module.val_dataloader())
    (once_more,) = list(module.val_dataloader())
    assert torch.equal(validation.pages, once_more.pages)
    assert len(validation.items) == len(validation.pages)
    assert not torch.equal(validation.pages, first.pages)


def test_moving_a_batch_to_a_device_keeps_its_items(module):
    (batch,) = list(module.val_dataloader())
    moved = module.transfer_batch_to_device(batch, torch.device("cpu"), 0)
    assert moved.items == batch.items
    assert torch.equal(moved.pages, batch.pages)


def test_setup_and_not_an_import_sets_the_threads_of_opencv(module):
    cv2.setNumThreads(2)
    importlib.reload(raster)
    assert cv2.getNumThreads() == 2
    module.setup("fit")
    assert cv2.getNumThreads() == 1
