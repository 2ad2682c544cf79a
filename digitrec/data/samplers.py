"""The order in which images come: shuffled anew each epoch, or each once over all processes."""

from collections.abc import Iterator

import torch
from torch.utils.data import DistributedSampler

from digitrec.data.seeds import shuffle_seed


class ShuffledSampler(DistributedSampler[int]):
    """The training order: a function of (seed, epoch, rank) alone, so that a run can be repeated and resumed.

    Lightning calls ``set_epoch``. Where the images don't divide by the processes, the first few of the order
    come twice, so that all processes take the same number of steps.
    """

    skip = 0
    """How many images of this process the next pass leaves out: those that a resumed epoch has seen."""

    def __iter__(self) -> Iterator[int]:
        skip, self.skip = self.skip, 0
        random = torch.Generator().manual_seed(shuffle_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.dataset), generator=random)  # type: ignore[arg-type]
        order = torch.cat([order, order[: self.total_size - len(order)]])
        return iter(order[self.rank :: self.num_replicas][skip:].tolist())


class UnrepeatedSampler(DistributedSampler[int]):
    """Every image once over all processes, in order: validation and test.

    PyTorch's own, which Lightning would put in, repeats images until the processes have equally many, and so
    counts some twice.
    """

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, len(self.dataset), self.num_replicas))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(range(self.rank, len(self.dataset), self.num_replicas))  # type: ignore[arg-type]
