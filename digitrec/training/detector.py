"""DetectorTraining: what the detector minimizes and how it is measured; its command line.

python -m digitrec.training.detector fit --config configs/detector.yaml
"""

import digitrec.training.startup  # noqa: F401 - before Lightning, which imports torchmetrics

# isort: split
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI, LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric

from digitrec.data.pages.datamodule import PageDataModule
from digitrec.data.pages.targets import PageBatch
from digitrec.models.detector import OFFSET_UNIT, Detection
from digitrec.training.callbacks.divergence import StopAtDivergence
from digitrec.training.callbacks.exact_resume import ExactResume
from digitrec.training.callbacks.last_checkpoint import AtomicCheckpointIO
from digitrec.training.callbacks.outputs import RunConfig
from digitrec.training.resume_checks import decisive
from digitrec.training.runs import LOGGER

LEAST_SIZE = 8.0
"""Pixels: offsets of smaller digits weigh no more than those of this size."""


def losses(found: Detection, batch: PageBatch) -> dict[str, Tensor]:
    """The parts of the loss, weighted as they are added.

    foreground: binary cross-entropy, three times as heavy on strokes, and Dice loss.
    centers: binary cross-entropy, heavier near centers.
    offsets: distance to the center as a share of the size, on what belongs to a digit or mark.
    sizes: smooth L1 distance of the logarithms, on the same.
    """
    judged = batch.judged.float()
    weight = (1 + 2 * (batch.foreground > 0.3)) * judged
    entropy = F.binary_cross_entropy_with_logits(found.foreground, batch.foreground, weight)
    chosen, wanted = found.foreground.sigmoid() * judged, batch.foreground * judged
    common, both = (chosen * wanted).sum((1, 2, 3)), (chosen + wanted).sum((1, 2, 3))
    dice = (1 - (2 * common + 20) / (both + 20)).mean()
    where = F.max_pool2d(judged, 2)
    centers = F.binary_cross_entropy_with_logits(found.centers, batch.centers, (1 + 6 * batch.centers) * where)
    owned = (batch.owned > 0).float()
    count = owned.sum().clamp(min=1)
    away = (found.offsets - batch.offsets).abs().sum(1, keepdim=True) * OFFSET_UNIT
    offsets = (away / batch.owned.clamp(min=LEAST_SIZE) * owned).sum() / count
    sizes = (F.smooth_l1_loss(found.sizes, batch.sizes, reduction="none", beta=0.1) * owned).sum() / count
    return {"foreground": 3 * entropy + 0.5 * dice, "centers": 6 * centers, "offsets": 2 * offsets, "sizes": 0.5 * sizes}


def network_weights(path: Path) -> dict[str, Tensor]:
    """The network's weights of a checkpoint of DetectorTraining."""
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    prefix = "network."
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


class DetectorTraining(LightningModule):
    """Train a detector on rendered pages.

    Args:
        network: takes gray pages (batch, 1, height, width) to a Detection.
        optimizer: called with the parameters, gives the optimizer.
        scheduler: called with the optimizer and ``total_steps``, gives the schedule, which is stepped each step.
        start_from: a checkpoint whose weights are the first ones; none starts at random.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None = None,
        start_from: str | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["network"])
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer, self.scheduler = optimizer, scheduler
        if start_from is not None:
            self.network.load_state_dict(network_weights(Path(start_from)))
        self.metrics = nn.ModuleDict({f"val/{name}": MeanMetric() for name in ("loss", "foreground", "centers", "offsets", "sizes")})

    def forward(self, pages: Tensor) -> Detection:
        """What the network says of gray pages."""
        found: Detection = self.network(pages)
        return found

    def training_step(self, batch: PageBatch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        parts = losses(self(batch.pages), batch)
        loss = torch.stack(list(parts.values())).sum()
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:
            self.log("train/loss", loss.detach(), prog_bar=True)
            self.log_dict({f"train/{name}": part.detach() for name, part in parts.items()})
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss

    def validation_step(self, batch: PageBatch, batch_idx: int) -> None:
        """Count a batch into ``val/loss`` and its parts."""
        parts = losses(self(batch.pages), batch)
        parts["loss"] = torch.stack(list(parts.values())).sum()
        for name, part in parts.items():
            metric = self.metrics[f"val/{name}"]
            metric(part, len(batch.pages))  # type: ignore[operator]
            self.log(f"val/{name}", metric, prog_bar=name == "loss", batch_size=len(batch.pages))  # type: ignore[arg-type]

    def configure_optimizers(self) -> object:
        """Build the optimizer, and the schedule if there is one."""
        optimizer = self.optimizer(self.network.parameters())
        if self.scheduler is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = self.scheduler(optimizer, total_steps=steps)  # type: ignore[call-arg]
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class DetectorCLI(LightningCLI):
    """LightningCLI with what every run has here: exact resume, atomic checkpoints, a stop at divergence."""

    def instantiate_trainer(self, **kwargs: object) -> Trainer:
        """Build the trainer with the callbacks that must be there also when no config names them."""
        trainer = super().instantiate_trainer(**kwargs)
        if self.subcommand == "fit":
            config = self.config.fit.trainer.as_dict()
            trainer.callbacks[:0] = [ExactResume(decisive(config)), StopAtDivergence()]  # type: ignore[attr-defined]
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        return trainer


def main() -> None:
    """Run the command line."""
    DetectorCLI(
        DetectorTraining,
        PageDataModule,
        auto_configure_optimizers=False,
        seed_everything_default=1,
        trainer_defaults={"logger": LOGGER},
        save_config_callback=RunConfig,
    )


if __name__ == "__main__":
    main()
