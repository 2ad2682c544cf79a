"""Training loops to compare: a tutorial script, minimal PyTorch, and digitrec's command with a clock."""

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from digitrec.cli import DigitCLI
from digitrec.data.datamodule import MNISTDataModule
from digitrec.models.normalization import normalize
from digitrec.training.messages import ignore_warnings
from scripts.lib.mnist import DATA

CONFIG, FAST = "configs/mlp.yaml", "configs/fast.yaml"
IMAGES = 55_000


class TrainingClock(Callback):
    """Measure the seconds of each training epoch, without the validation inside it."""

    def __init__(self) -> None:
        self.epochs: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
        self._validation_start = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        if not trainer.sanity_checking:  # moves the start by the time of the validation
            self._start += time.perf_counter() - self._validation_start

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self.epochs.append(time.perf_counter() - self._start)


def published_loop(network: nn.Module, count: int = IMAGES) -> Callable[[], float]:
    """Return an epoch of the published loop: torchvision's dataset, a loss read at each step."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    dataset = datasets.MNIST(DATA, train=True, transform=transform)
    dataset.data, dataset.targets = dataset.data[:count], dataset.targets[:count]
    loader = DataLoader(dataset, batch_size=64, shuffle=True)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def epoch() -> float:
        start = time.perf_counter()
        running_loss = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_function(network(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return time.perf_counter() - start

    return epoch


def minimal_loop(network: nn.Module) -> Callable[[], float]:
    """Return an epoch of minimal eager PyTorch: tensors in memory, a fused optimizer, no logging."""
    module = MNISTDataModule(DATA)
    module.setup("fit")
    images, labels = normalize(module.train_set.images), module.train_set.targets
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)

    def epoch() -> float:
        start = time.perf_counter()
        for chosen in torch.randperm(IMAGES).split(64):
            loss = F.nll_loss(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start

    return epoch


def fit(config: str, folder: str, epochs: int | None, *callbacks: Callback, seed: int = 1) -> DigitCLI:
    """Fit a config as the command line does, without output, with the run folder in a given folder.

    Args:
        config: the file.
        folder: where the run folder is made.
        epochs: how many; None takes those of the config.
        callbacks: added to those of the command.
        seed: replaces that of the config.
    """
    logger = f"--trainer.logger.init_args.save_dir={folder}"
    args = [
        "fit",
        f"--config={config}",
        *([] if epochs is None else [f"--trainer.max_epochs={epochs}"]),
        f"--seed_everything={seed}",
        logger,
    ]
    ignore_warnings()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli = TimedCLI(args, callbacks)
    assert cli.trainer.state.finished
    return cli


class TimedCLI(DigitCLI):
    """DigitCLI with additional callbacks."""

    def __init__(self, args: list[str], callbacks: tuple[Callback, ...]) -> None:
        self._additional_callbacks = callbacks
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        # First, so that a clock counts the writing of checkpoints.
        trainer.callbacks[:0] = self._additional_callbacks
        return trainer
