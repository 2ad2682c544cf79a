import pytest
import torch
from torch.utils.data import DataLoader

from digitrec.data.datasets import DigitDataset
from digitrec.data.samplers import UnrepeatedSampler
from digitrec.training.callbacks import collector as predictions


def test_results_of_several_processes_are_merged_in_dataset_order(monkeypatch):
    log_probabilities = torch.randn(7, 10, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)
    images = torch.arange(7, dtype=torch.uint8)[:, None, None].expand(7, 28, 28)
    dataset = DigitDataset(images, torch.arange(7))
    samplers = [UnrepeatedSampler(dataset, num_replicas=3, rank=rank, shuffle=False) for rank in range(3)]
    orders = [torch.tensor(list(sampler)) for sampler in samplers]
    assert [len(order) for order in orders] == [3, 2, 2]

    def gather(of_rank_1):
        return [log_probabilities[order] if of_rank_1.ndim == 2 else order for order in orders]

    monkeypatch.setattr(predictions, "gather_all_tensors", gather)
    loader = DataLoader(dataset, sampler=samplers[1])
    found = predictions.gather(log_probabilities[orders[1]], loader, processes=3)
    assert found.labels.tolist() == found.images[:, 0, 0].tolist() == [*range(7)]
    confidences, digits = log_probabilities.exp().max(dim=1)
    assert found.digits.tolist() == digits.tolist()
    assert found.confidences.tolist() == pytest.approx(confidences.tolist())
