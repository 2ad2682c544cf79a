"""DetectorTraining: what the page detector minimizes and how it is measured; the network is injected."""

import warnings
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.plugins.precision import Precision
from torch import Tensor, nn
from torchmetrics import MeanMetric

from digitrec.data.pages.targets import PageBatch
from digitrec.errors import CheckpointError
from digitrec.evaluation.detection import match
from digitrec.models.checkpoints import load_classifier
from digitrec.models.detector import OFFSET_UNIT, Detection, DigitDetector
from digitrec.models.detector_weights import network_weights
from digitrec.models.pretrained import PRETRAINED
from digitrec.models.specs import stored
from digitrec.reading.detection.decoding import DecodingLimits, Maps, decode
from digitrec.reading.detection.mnist_image import mnist_image
from digitrec.training.optimization import OptimizedModule

LEAST_SIZE = 8.0
"""Pixels: offsets of smaller digits weigh no more than those of this size."""

MARK_CENTER_WEIGHT = 12.0
"""How much more than that of a digit the center of a mark weighs: points are easily taken for specks."""

LOSSES = ("foreground", "centers", "offsets", "sizes", "kinds")


def losses(found: Detection, batch: PageBatch) -> dict[str, Tensor]:
    """Return the parts of the loss, weighted as they are added.

    foreground: binary cross-entropy, three times as heavy on strokes, and Dice loss.
    centers: binary cross-entropy, seven times as heavy at the center of a digit, and more of a mark.
    offsets: distance to the center as a share of the size, on what belongs to a digit or mark.
    sizes: smooth L1 distance of the logarithms, on the same.
    kinds: binary cross-entropy, on the same.
    """
    judged = batch.judged.float()
    weight = (1 + 2 * (batch.foreground > 0.3)) * judged
    entropy = F.binary_cross_entropy_with_logits(found.foreground, batch.foreground, weight)
    chosen, wanted = found.foreground.sigmoid() * judged, batch.foreground * judged
    common, both = (chosen * wanted).sum((1, 2, 3)), (chosen + wanted).sum((1, 2, 3))
    dice = (1 - (2 * common + 20) / (both + 20)).mean()
    is_mark = (batch.owned > 0) * (1 - batch.kinds)
    where = (1 + (6 + MARK_CENTER_WEIGHT * is_mark) * batch.centers) * F.max_pool2d(judged, 2)
    centers = F.binary_cross_entropy_with_logits(found.centers, batch.centers, where)
    owned = (batch.owned > 0).float()
    count = owned.sum().clamp(min=1)
    away = (found.offsets - batch.offsets).abs().sum(1, keepdim=True) * OFFSET_UNIT
    offsets = (away / batch.owned.clamp(min=LEAST_SIZE) * owned).sum() / count
    sizes = (F.smooth_l1_loss(found.sizes, batch.sizes, reduction="none", beta=0.1) * owned).sum() / count
    kinds = F.binary_cross_entropy_with_logits(found.kinds, batch.kinds, owned, reduction="sum") / count
    parts = 3 * entropy + 0.5 * dice, 4 * centers, 2 * offsets, 0.5 * sizes, kinds
    return dict(zip(LOSSES, parts, strict=True))


class DetectorTraining(OptimizedModule):
    """Train a page detector on rendered pages.

    Args:
        network: takes gray pages (batch, 1, height, width) to a Detection.
        optimizer: called with the parameters, returns the optimizer.
        scheduler: called with the optimizer, returns the learning-rate schedule; None keeps the rate.
        scheduler_interval: steps the schedule after each ``epoch`` or after each optimizer ``step``; see
            OptimizedModule.
        start_from: a checkpoint whose weights are the first ones; None starts at random.
        classifier: a checkpoint of the classifier that reads the digits which are found in validation.
        scheduler_frequency: steps a schedule by the epoch after every n-th epoch only.
    """

    logged_in_training = (
        "train/loss",
        *(f"train/{name}" for name in LOSSES),
        "train/learning_rate",
    )

    def __init__(
        self,
        network: DigitDetector,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "step",
        start_from: str | None = None,
        classifier: str = str(PRETRAINED),
        scheduler_frequency: int = 1,
    ) -> None:
        network = network.to(memory_format=torch.channels_last)
        super().__init__(network, optimizer, scheduler, scheduler_interval, scheduler_frequency)
        with warnings.catch_warnings():
            # The advice would leave out the network's class, without which a checkpoint cannot be loaded.
            warnings.filterwarnings("ignore", message="Attribute 'network' is an instance of `nn.Module`")
            self.save_hyperparameters(ignore=["start_from", "classifier"])  # files that may be gone later
        self.save_hyperparameters(stored("model", self.hparams))
        if start_from is not None:
            try:
                network.load_state_dict(network_weights(start_from))
            except RuntimeError as error:
                raise CheckpointError(f"The weights in {start_from} don't fit the network.") from error
        self._classifier = (load_classifier(classifier),)  # in a tuple, so that it is no part of the module
        names = ("loss", *LOSSES, "found", "read", "marks_found", "invented")
        self.metrics = nn.ModuleDict({f"val/{name}": MeanMetric() for name in names})

    def forward(self, pages: Tensor) -> Detection:
        """Run the network on gray pages."""
        found: Detection = self.network(pages)
        return found

    def trial_loss(self, network: nn.Module, precision: Precision) -> Tensor:
        """Return the sum of the maps of two gray pages."""
        found: Detection = network(precision.convert_input(torch.rand(2, 1, 64, 64) * 255))
        return torch.stack([each.sum() for each in found]).sum()

    def training_step(self, batch: PageBatch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        parts = losses(self(batch.pages), batch)
        loss = torch.stack(list(parts.values())).sum()
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:
            self.log("train/loss", loss.detach(), prog_bar=True)
            self.log_dict({f"train/{name}": part.detach() for name, part in parts.items()})
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss

    def validation_step(self, batch: PageBatch, batch_idx: int) -> None:
        """Count a batch into the validation losses and into what is found, read and invented.

        ``val/found`` and ``val/read`` are shares of the digits, ``val/marks_found`` of the other marks;
        ``val/invented`` is the number of digits found where none is, a page.
        """
        found = self(batch.pages)
        parts = losses(found, batch)
        self._log("loss", torch.stack(list(parts.values())).sum(), len(batch.pages))
        for name, part in parts.items():
            self._log(name, part, len(batch.pages))
        for number in range(len(batch.items)):
            self._count(found, batch, number)

    def on_validation_epoch_end(self) -> None:
        """Log what was counted digit by digit."""
        for name in ("found", "read", "marks_found", "invented"):
            metric: Any = self.metrics[f"val/{name}"]
            if metric.update_called:  # there may be no mark in a small set
                self.log(f"val/{name}", metric, prog_bar=True)

    def _count(self, found: Detection, batch: PageBatch, number: int) -> None:
        """Decode a page at its own scale, and compare it with what is on it."""
        instances = decode(Maps.of(found, number), DecodingLimits())
        items = batch.items[number]
        pairs = match([item.box for item in items], [instance.box for instance in instances])
        digits = [place for place, item in enumerate(items) if item.is_digit]
        images = {
            place: mnist_image(instances[pairs[place]].mask)
            for place in digits
            if place in pairs and instances[pairs[place]].is_digit
        }
        read = self._read([torch.from_numpy(image) for image in images.values()])
        right = {place for place, digit in zip(images, read, strict=True) if digit == items[place].label}
        for place, item in enumerate(items):
            if item.is_digit:
                self.metrics["val/found"](float(place in images))
                self.metrics["val/read"](float(place in right))
            else:
                is_mark = place in pairs and not instances[pairs[place]].is_digit
                self.metrics["val/marks_found"](float(is_mark))
        judged = batch.judged[number, 0]
        others = (
            each for place, each in enumerate(instances) if place not in pairs.values() and each.is_digit
        )
        # What nobody asked for is not invented.
        invented = sum(
            bool(judged[box[1] : box[3], box[0] : box[2]].float().mean() > 0.9)
            for box in (o.box for o in others)
        )
        self.metrics["val/invented"](float(invented))

    def _read(self, images: list[Tensor]) -> list[int]:
        if not images:
            return []
        digits: list[int] = self._classifier[0].probabilities(torch.stack(images)).argmax(1).tolist()
        return digits

    def _log(self, name: str, value: Tensor, count: int) -> None:
        metric: Any = self.metrics[f"val/{name}"]
        metric(value, count)
        self.log(f"val/{name}", metric, prog_bar=name == "loss", batch_size=count)
