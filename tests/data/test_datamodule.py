import types

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from digitrec.cli import DigitCLI
from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.distortion import RandomDistortion
from digitrec.data.synthetic.outliers import OutlierImages
from digitrec.models.normalization import normalize
from digitrec.training.classifier import DigitClassifier
from tests.conftest import ROOT


@pytest.fixture
def module(fake_mnist):
    module = MNISTDataModule(str(fake_mnist), batch_size=32, eval_batch_size=40, val_size=50)
    module.prepare_data()
    return module


def test_split_is_disjoint_and_complete(module):
    module.setup("fit")
    assert (len(module.train_set), len(module.val_set)) == (350, 50)
    together = torch.cat([module.train_set.images, module.val_set.images]).flatten(1)
    assert len(together.unique(dim=0)) == 400


def test_split_depends_on_its_own_seed_only(fake_mnist):
    def held_out(split_seed, global_seed):
        torch.manual_seed(global_seed)
        module = MNISTDataModule(str(fake_mnist), val_size=50, split_seed=split_seed)
        module.setup("validate")
        return module.val_set.images

    assert torch.equal(held_out(0, 1), held_out(0, 2))
    assert not torch.equal(held_out(0, 1), held_out(1, 1))


def test_images_are_uint8_until_the_batch_is_normalized(module):
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    assert batch.images.dtype == torch.uint8
    on_device = module.on_after_batch_transfer(batch, 0)
    assert torch.equal(on_device.images, normalize(batch.images))
    assert torch.equal(on_device.targets, batch.targets)


def test_images_keep_their_labels_through_split_and_shuffling(module):
    module.setup("fit")
    for images, labels, _ in [*module.train_dataloader(), *module.val_dataloader()]:
        bars = (images[:, 10] > 200).float().argmax(dim=1)  # conftest.digits draws the label's bar there
        assert torch.equal((bars - 2) // 2, labels)


def test_seed_of_the_run_decides_the_order(module):
    orders = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        module.setup("fit")
        orders.append(torch.cat([batch.images for batch in module.train_dataloader()]))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_test_batches_hold_every_image_in_the_official_order(module):
    module.setup("test")
    batches = list(module.test_dataloader())
    assert [len(batch.images) for batch in batches] == [40, 40, 40, 10]
    assert torch.equal(torch.cat([batch.images for batch in batches]), module.test_set.images)


def test_predict_batch_has_indices(module):
    module.setup("predict")
    indices = torch.cat([batch.indices for batch in module.predict_dataloader()])
    assert torch.equal(indices, torch.arange(130))


def test_val_size_0_trains_on_all_images_without_a_val_loader(fake_mnist):
    module = MNISTDataModule(str(fake_mnist), val_size=0)
    module.setup("fit")
    assert len(module.train_set) == 400
    assert module.val_dataloader() == []


@pytest.mark.parametrize("argument", ["batch_size", "eval_batch_size", "val_size", "num_workers"])
def test_impossible_size_is_refused_with_its_name(argument):
    with pytest.raises(ValueError, match=rf"data\.{argument} must be .* not -1"):
        MNISTDataModule(**{argument: -1})


def test_val_size_of_all_images_is_refused():
    with pytest.raises(ValueError, match=r"data\.val_size must be .* not 60000"):
        MNISTDataModule(val_size=60_000)


def test_augment_strength_falls_linearly_over_the_last_epochs():
    module = MNISTDataModule(augment_annealing=0.5, augment_final_strength=0.2)
    strengths = [module.augment_strength(epoch, 8) for epoch in range(8)]
    assert strengths == pytest.approx([1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
    assert MNISTDataModule().augment_strength(7, 8) == 1
    assert module.augment_strength(7, -1) == 1


def test_accumulated_batches_have_different_seeds(workplace, monkeypatch):
    seeds = []
    monkeypatch.setattr(RandomDistortion, "seed", lambda self, *key: seeds.append(key))
    small = ["--data.val_size=50", "--trainer.max_epochs=2", "--trainer.log_every_n_steps=1"]
    accumulate = ["--trainer.accumulate_grad_batches=2", "--data.batch_size=70"]
    DigitCLI(["fit", f"--config={ROOT}/configs/best.yaml", *small, *accumulate])
    assert seeds == [(1, batch, 0) for batch in range(10)]


def test_only_training_batches_have_outliers(workplace, monkeypatch):
    seen = {"train": [], "val": []}
    step = DigitClassifier._step

    def record(self, stage, batch):
        outliers = None if batch.outliers is None else len(batch.outliers)
        seen[stage].append((len(batch.images), len(batch.targets), outliers))
        return step(self, stage, batch)

    monkeypatch.setattr(DigitClassifier, "_step", record)
    outliers = [
        "--data.outliers=digitrec.data.OutlierImages",
        "--data.outliers.init_args.count=20",
    ]
    short = ["--trainer.max_epochs=1", "--trainer.log_every_n_steps=1"]
    share = ["--data.outlier_share=0.25", "--data.batch_size=100", "--data.val_size=50"]
    DigitCLI(["fit", f"--config={ROOT}/configs/mlp.yaml", *outliers, *share, *short])
    assert seen["train"] == [(100, 100, 25), (100, 100, 25), (100, 100, 25), (50, 50, 12)]
    assert set(seen["val"]) == {(50, 50, None)}


def test_batches_cycle_through_the_outliers(module):
    module.outliers, module.outlier_share = OutlierImages(count=12), 0.5
    module.setup("fit")
    digits = module.train_set.images[:10]
    rounds = torch.cat([module._next_outliers(batch, digits) for batch in range(12)])
    assert torch.equal(rounds, module.outlier_images.repeat(5, 1, 1))


def test_outlier_share_without_outliers_is_refused():
    with pytest.raises(ValueError, match=r"data\.outlier_share is 0\.5, but data\.outliers is null"):
        MNISTDataModule(outlier_share=0.5)


def test_fewer_images_than_processes_are_refused(fake_mnist):
    module = MNISTDataModule(str(fake_mnist), val_size=2)
    module.trainer = types.SimpleNamespace(world_size=3, global_rank=0)
    module.setup("validate")
    with pytest.raises(
        MisconfigurationException, match=r"2 images cannot be shared by 3 processes.*val_size"
    ):
        module.val_dataloader()
