import pytest
import torch

from digitrec.data.datasets import DigitDataset
from digitrec.data.samplers import ShuffledSampler, UnrepeatedSampler


def dataset(count):
    return DigitDataset(torch.zeros(count, 28, 28, dtype=torch.uint8), torch.arange(count))


def order(count, rank=0, ranks=1, seed=0, epoch=0):
    sampler = ShuffledSampler(dataset(count), num_replicas=ranks, rank=rank, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_order_is_a_function_of_seed_and_epoch():
    assert order(100, seed=3, epoch=4) == order(100, seed=3, epoch=4)
    assert order(100, seed=3, epoch=4) != order(100, seed=4, epoch=3)  # a sum of both would be the same
    assert sorted(order(100, seed=3, epoch=4)) == list(range(100))


@pytest.mark.parametrize("rank", [0, 1])
def test_resumed_epoch_skips_seen_images_once(rank):
    sampler = ShuffledSampler(dataset(100), num_replicas=2, rank=rank, seed=3)
    sampler.skip = 30
    assert list(sampler) == order(100, rank=rank, ranks=2, seed=3)[30:]
    assert list(sampler) == order(100, rank=rank, ranks=2, seed=3)


def test_ranks_share_the_training_images_evenly():
    ranks = [order(100, rank=rank, ranks=3) for rank in range(3)]
    assert [len(rank) for rank in ranks] == [34, 34, 34]
    assert set().union(*ranks) == set(range(100))


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_evaluation_sees_every_image_once_over_all_ranks(ranks):
    samplers = [UnrepeatedSampler(dataset(10), ranks, rank) for rank in range(ranks)]
    seen = [index for sampler in samplers for index in sampler]
    assert sorted(seen) == list(range(10))
    assert [len(sampler) for sampler in samplers] == [len(list(sampler)) for sampler in samplers]
