"""OptimizedModule: a LightningModule whose network, optimizer and learning-rate schedule are arguments."""

import copy
import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.plugins.precision import Precision
from lightning.pytorch.profilers import PyTorchProfiler
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from digitrec.models.specs import unsaved
from digitrec.training.compat.overhead import QuickModule, reduce_overhead
from digitrec.training.trial import config_errors, trial_precision


class OptimizedModule(QuickModule):
    """The optimization that all trainings share.

    Args:
        network: what is trained.
        optimizer: called with the parameters, returns the optimizer.
        scheduler: called with the optimizer, returns the learning-rate schedule; None keeps the rate.
        scheduler_interval: ``epoch`` steps the schedule after each epoch (ReduceLROnPlateau watches its
            ``monitor``). ``step`` steps it after each optimizer step and passes ``total_steps``, the number
            of optimizer steps in the whole run, which OneCycleLR needs.
        scheduler_frequency: steps a schedule by the epoch after every n-th epoch only. One that watches a
            validation metric waits for a validation, too (``trainer.check_val_every_n_epoch``).

    Raises:
        ValueError: the frequency is below 1, or that of a schedule by the step.
    """

    metrics: nn.ModuleDict
    """The metrics that are logged, by their names."""

    logged_in_training: tuple[str, ...] = ("train/loss", "train/learning_rate")
    """Names of what ``training_step`` logs at every n-th step (``trainer.log_every_n_steps``)."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None,
        scheduler_interval: Literal["epoch", "step"],
        scheduler_frequency: int,
    ) -> None:
        super().__init__()
        if scheduler_frequency < 1 or (scheduler_frequency > 1 and scheduler_interval == "step"):
            raise ValueError(
                f"model.scheduler_frequency counts epochs, at least 1: it is {scheduler_frequency}, and "
                f"model.scheduler_interval is {scheduler_interval}"
            )
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.scheduler_frequency = scheduler_frequency
        self._epoch_ends = False
        self._tried = False

    def setup(self, stage: str) -> None:
        """Try the network and its optimizer before the training; warn if checkpoints cannot build them."""
        if stage != "fit":
            return
        profiler = self.trainer.profiler  # type: ignore[attr-defined]
        if not self._tried and not isinstance(profiler, PyTorchProfiler):  # its hooks cannot be copied
            self.try_step(trial_precision(self.trainer))
        for reason in filter(None, map(unsaved, self.hparams.values())):
            rank_zero_warn(f"The checkpoints of this training cannot build {reason}.")

    def try_step(self, precision: Precision) -> Optimizer:
        """Take one step with a generated batch, on a copy of the network; return its optimizer.

        Raises:
            MisconfigurationException: the network, the optimizer or the precision cannot train.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = precision.convert_module(copy.deepcopy(self.network).cpu()).train()
            with config_errors("model.optimizer: "):
                optimizer = self.optimizer(network.parameters())

            def closure() -> Tensor:
                optimizer.zero_grad()
                with precision.forward_context():
                    loss = self.trial_loss(network, precision)
                loss.backward()  # type: ignore[no-untyped-call]
                return loss

            with config_errors(f"model.optimizer, {type(optimizer).__name__}: "):
                optimizer.step(closure)  # type: ignore[arg-type]
        if not all(weights.isfinite().all() for weights in network.parameters()):
            raise MisconfigurationException(
                "A step makes weights NaN or infinite: lower the learning rate of model.optimizer, or change "
                f"trainer.precision, which is {precision.precision}."
            )
        self._tried = True
        return optimizer

    def trial_loss(self, network: nn.Module, precision: Precision) -> Tensor:
        """Return the loss of a generated batch.

        Args:
            network: a copy of the network, as ``precision`` converts it.
            precision: converts the batch.

        Raises:
            MisconfigurationException: the network does not return what is expected of it.
        """
        raise NotImplementedError

    @property
    def monitored(self) -> list[str]:
        """The names that a training logs, which callbacks and schedules may monitor."""
        return sorted({*self.logged_in_training, *(n for n in self.metrics if not n.startswith("test/"))})

    def on_train_start(self) -> None:
        """Refuse a monitor that no step of an epoch logs, as their number is known only now; reduce overhead.

        Raises:
            MisconfigurationException: there is one.
        """
        steps, every = self.trainer.num_training_batches, self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        for who, name in monitors(self.trainer):
            if name.startswith("train/") and not 0 < every <= steps:
                raise MisconfigurationException(
                    f"{who} monitors {name}, which is logged every {every} steps, but an epoch has {steps}: "
                    "set trainer.log_every_n_steps lower."
                )
        reduce_overhead(self.trainer, self)

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule if there is one.

        Raises:
            MisconfigurationException: a schedule by the step in a run without an end.
        """
        optimizer = self.optimizer(self.network.parameters())
        if self.scheduler is None:
            return optimizer
        steps = self.trainer.estimated_stepping_batches if self.scheduler_interval == "step" else 0
        if steps == float("inf"):
            raise MisconfigurationException("A schedule by the step needs trainer.max_epochs or max_steps.")
        scheduler = self.build_scheduler(optimizer, int(steps))
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": self.scheduler_interval}
        plan["frequency"] = self.scheduler_frequency
        if hasattr(scheduler, "monitor"):
            plan["monitor"] = scheduler.monitor
            if scheduler.monitor.startswith("val/"):
                validations = self.trainer.check_val_every_n_epoch or 1
                plan["frequency"] = math.lcm(self.scheduler_frequency, validations)
        return {"optimizer": optimizer, "lr_scheduler": plan}

    def build_scheduler(self, optimizer: Optimizer, total_steps: int) -> Any:
        """Build the schedule; by the step it is told how many optimizer steps the run has.

        Raises:
            TypeError: there is no scheduler, or it takes no ``total_steps``.
        """
        if self.scheduler is None:
            raise TypeError("there is no scheduler to build")
        if self.scheduler_interval == "step":
            return self.scheduler(optimizer, total_steps=total_steps)  # type: ignore[call-arg]
        return self.scheduler(optimizer)

    def on_train_epoch_end(self) -> None:
        """Step a schedule that watches a metric: Lightning does it too late for the epoch's checkpoint."""
        self._epoch_ends = True
        self.trainer.fit_loop.epoch_loop.update_lr_schedulers("epoch", update_plateau_schedulers=True)
        self._epoch_ends = False

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step a schedule; one that watches a metric only in ``on_train_epoch_end``."""
        if metric is None or self._epoch_ends:
            super().lr_scheduler_step(scheduler, metric)


def monitors(trainer: Trainer) -> Iterator[tuple[str, str]]:
    """Yield the callbacks and schedules of a trainer that monitor a metric: (name of the class, metric)."""
    schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
    for each in (*trainer.callbacks, *schedules):  # type: ignore[attr-defined]
        if isinstance(monitor := getattr(each, "monitor", None), str):
            yield type(each).__name__, monitor
