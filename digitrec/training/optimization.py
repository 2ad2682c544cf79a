"""OptimizedModule: a LightningModule whose network, optimizer and learning-rate schedule are arguments."""

import copy
from typing import Any, Literal

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.plugins.precision import Precision
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from digitrec.models.specs import unsaved
from digitrec.training.trial import config_errors


class OptimizedModule(LightningModule):
    """The optimization that all trainings share.

    Args:
        network: what is trained.
        optimizer: called with the parameters, returns the optimizer.
        scheduler: called with the optimizer, returns the learning-rate schedule; None keeps the rate.
        scheduler_interval: ``epoch`` steps the schedule after each epoch (ReduceLROnPlateau watches its
            ``monitor``). ``step`` steps it after each optimizer step and passes ``total_steps``, the number
            of optimizer steps in the whole run, which OneCycleLR needs.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None,
        scheduler_interval: Literal["epoch", "step"],
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self._epoch_ends = False

    def setup(self, stage: str) -> None:
        """Try the network and its optimizer before the training; warn if checkpoints cannot build them."""
        if stage != "fit":
            return
        self.try_step(self.trainer.precision_plugin)
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
        plan = {"scheduler": scheduler, "interval": self.scheduler_interval}
        if hasattr(scheduler, "monitor"):
            plan["monitor"] = scheduler.monitor
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
