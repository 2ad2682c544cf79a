"""DigitClassifier: what is minimized, measured and predicted; network and optimizer are handed in."""

import math
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from digitrec.models.tta import Views

FEW = 100
"""Images whose views are taken at once; the 17 of one take a quarter of a megabyte."""


class DigitClassifier(LightningModule):
    """Train a network that gives log-probabilities of the ten digits.

    Args:
        network: takes normalized images (batch, 28, 28) to log-probabilities (batch, 10).
        optimizer: called with the parameters, gives the optimizer.
        scheduler: called with the optimizer, gives the learning-rate schedule; none keeps the rate.
        scheduler_interval: ``epoch`` steps the schedule after each epoch (ReduceLROnPlateau watches what its
            ``monitor`` says). ``step`` steps it after each optimizer step and gives it ``total_steps``, the
            number of optimizer steps in the whole run, as OneCycleLR wants it.
        label_smoothing: share of the target spread over all ten digits while training, 0 to 1.
        temperature: divides the log-probabilities before they are normalized anew: above 1 the confidence
            falls, below it rises, and the likeliest digit stays. Chosen after training on held-out images
            (Guo et al., "On Calibration of Modern Neural Networks", 2017); 1 changes nothing.
        views: the ways an image is looked at in evaluation mode: the log-probabilities of all are averaged,
            and normalized anew. None looks at it as it is, and so does training.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        label_smoothing: float = 0.0,
        temperature: float = 1.0,
        views: Views | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be 0 to 1, not {label_smoothing}")
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature must be a finite number above 0, not {temperature}")
        with warnings.catch_warnings():
            # The advice would leave the network's class out, without which a checkpoint cannot be loaded.
            warnings.filterwarnings("ignore", message="Attribute 'network' is an instance of `nn.Module`")
            self.save_hyperparameters()
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.label_smoothing = label_smoothing
        self.temperature = temperature
        self.views = views
        self._epoch_ends = False
        # A NaN is shown, not left out with a warning. That gives up the weights, which are equal in a step.
        self.metrics = nn.ModuleDict(
            {"train/loss": MeanMetric(nan_strategy="disable", dist_sync_on_step=True)}
        )
        for stage in ("val", "test"):
            self.metrics[f"{stage}/loss"] = MeanMetric()
            self.metrics[f"{stage}/acc"] = MulticlassAccuracy(10, average="micro", validate_args=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set Lightning's note of the hook that runs past nn.Module's checks: 40 times a step."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities (batch, 10) of normalized images (batch, 28, 28), in evaluation mode by views."""
        log_probabilities: Tensor
        if self.training or self.views is None:
            log_probabilities = self.network(images)
            if self.temperature == 1:
                return log_probabilities
        else:
            # A model on its way to ONNX has a batch of no size yet.
            parts = [images] if torch.compiler.is_exporting() else torch.split(images, FEW)
            log_probabilities = torch.cat([self._mean_over_views(self.views(part)) for part in parts])
        return F.log_softmax(log_probabilities / self.temperature, dim=1)

    def _mean_over_views(self, views: Tensor) -> Tensor:
        """The mean of the log-probabilities, (batch, 10), over views (views, batch, 28, 28)."""
        log_probabilities: Tensor = self.network(views.flatten(0, 1))
        return log_probabilities.view(*views.shape[:2], 10).mean(dim=0)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Cross-entropy of a batch, with label smoothing; images beyond the labels are no digits."""
        return self._step("train", batch)[0]

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Count a batch into ``val/loss`` and ``val/acc``; its log-probabilities go to the callbacks."""
        return self._step("val", batch)[1]

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Count a batch into ``test/loss`` and ``test/acc``; its log-probabilities go to the callbacks."""
        return self._step("test", batch)[1]

    def on_train_epoch_end(self) -> None:
        """Step a schedule that watches a metric: Lightning does it too late for the epoch's checkpoint."""
        self._epoch_ends = True
        self.trainer.fit_loop.epoch_loop.update_lr_schedulers("epoch", update_plateau_schedulers=True)
        self._epoch_ends = False

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step a schedule; one that watches a metric only in ``on_train_epoch_end``."""
        if metric is None or self._epoch_ends:
            super().lr_scheduler_step(scheduler, metric)

    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Read a batch of (images, indices).

        Returns:
            ``index`` (batch,) as it came in, ``digit`` (batch,) int64, ``probabilities`` (batch, 10) float32.
        """
        images, indices = batch[:2]
        probabilities = self(images).exp()
        return {"index": indices, "digit": probabilities.argmax(dim=1), "probabilities": probabilities}

    def _step(
        self, stage: Literal["train", "val", "test"], batch: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Loss and log-probabilities of a batch, counted into the metrics of its stage."""
        images, labels = batch
        log_probabilities, no_digits = self(images).tensor_split([len(labels)])
        # The cross-entropy: the NLL of log-probabilities.
        loss = F.nll_loss(log_probabilities, labels)
        if stage != "train":
            self._log(f"{stage}/loss", loss, len(labels))
            self._log(f"{stage}/acc", log_probabilities, labels)
            return loss, log_probabilities
        if self.label_smoothing:
            loss = torch.lerp(loss, -log_probabilities.mean(), self.label_smoothing)
        if len(no_digits):  # their target is ten equal probabilities: smoothing of 1
            loss = torch.lerp(loss, -no_digits.mean(), len(no_digits) / len(images))
        # The trainer writes at every n-th step only; logging at all others would cost half a step each.
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:
            self._log("train/loss", loss.detach(), len(labels))
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss, log_probabilities

    def _log(self, name: str, *values: Any) -> None:
        metric = self.metrics[name]
        metric(*values)
        self.log(name, metric, prog_bar=True)  # type: ignore[arg-type]

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule if there is one."""
        parameters: Iterable[nn.Parameter] = self.network.parameters()
        optimizer = self.optimizer(parameters)
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
        """Build the schedule; by the step it is told how many optimizer steps the run has, else not.

        Raises:
            TypeError: no schedule was handed in, or it takes no ``total_steps``.
        """
        if self.scheduler is None:
            raise TypeError("there is no scheduler to build")
        if self.scheduler_interval == "step":
            return self.scheduler(optimizer, total_steps=total_steps)  # type: ignore[call-arg]
        return self.scheduler(optimizer)
