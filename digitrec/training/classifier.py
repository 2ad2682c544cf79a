"""DigitClassifier: the LightningModule. Network, optimizer and learning-rate schedule are arguments."""

import copy
import math
import warnings
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.plugins.precision import Precision
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from digitrec.data.batches import Batch, PredictBatch
from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import load_classifier
from digitrec.models.normalization import SIDE, normalize
from digitrec.models.pretrained import CHUNK, PRETRAINED
from digitrec.models.recognizer import Recognizer, log_probabilities
from digitrec.models.specs import stored
from digitrec.models.tta import TTA
from digitrec.reading.turns import most_upright
from digitrec.training.optimization import OptimizedModule
from digitrec.training.trial import try_classifier

TRIAL_IMAGES = 4
"""Images of the batch with which a network is tried: more than a batch normalization needs."""


class DigitClassifier(OptimizedModule):
    """Train a network that tells the ten digits apart.

    Args:
        network: takes normalized images (batch, 28, 28), without a channel axis, to logits or
            log-probabilities (batch, 10). The loss is the cross-entropy of either, as log_softmax does not
            change log-probabilities. One step is tried on a copy before the training.
        optimizer: called with the parameters, returns the optimizer.
        scheduler: called with the optimizer, returns the learning-rate schedule; None keeps the rate.
        scheduler_interval: steps the schedule after each ``epoch`` or after each optimizer ``step``; see
            OptimizedModule.
        label_smoothing: share of the target that is spread over all ten digits in training, 0 to 1.
        temperature: divides the log-probabilities, which are then normalized again. Above 1 it lowers the
            confidence, below 1 it raises it; the most probable digit stays the same. It is chosen after
            training on held-out images (Guo et al., "On Calibration of Modern Neural Networks", 2017).
        tta: test-time augmentation: in evaluation mode the log-probabilities of several variants of an image
            are averaged. None evaluates the image alone, as in training.
        threshold: confidence, 0 to 1, below which a digit in a picture is reported as ``?``.
        scheduler_frequency: steps a schedule by the epoch after every n-th epoch only.
        start_from: a checkpoint, or ``pretrained``, whose weights are the first ones, for fine-tuning; None
            starts at random.

    Raises:
        CheckpointError: ``start_from`` is missing, or has another network.
        ValueError: label_smoothing, temperature or threshold is out of its range.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        label_smoothing: float = 0.0,
        temperature: float = 1.0,
        tta: TTA | None = None,
        threshold: float = 0.5,
        scheduler_frequency: int = 1,
        start_from: str | None = None,
    ) -> None:
        super().__init__(network, optimizer, scheduler, scheduler_interval, scheduler_frequency)
        for name, share in (("label_smoothing", label_smoothing), ("threshold", threshold)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {share}")
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature must be a finite number above 0, not {temperature}")
        with warnings.catch_warnings():
            # The advice would leave out the network's class, without which a checkpoint cannot be loaded.
            warnings.filterwarnings("ignore", message="Attribute 'network' is an instance of `nn.Module`")
            self.save_hyperparameters(ignore=["start_from"])  # a file that may be gone later
        self.save_hyperparameters(stored("model", self.hparams))
        if start_from is not None:
            _copy_weights(start_from, network)
        self.label_smoothing = label_smoothing
        self.temperature = temperature
        self.tta = tta
        self.threshold = threshold
        # A NaN is shown, not left out with a warning. Without weights: all batches of a step are equal.
        self.metrics = nn.ModuleDict(
            {"train/loss": MeanMetric(nan_strategy="disable", dist_sync_on_step=True)}
        )
        for stage in ("val", "test"):
            self.metrics[f"{stage}/loss"] = MeanMetric()
            self.metrics[f"{stage}/acc"] = MulticlassAccuracy(10, average="micro", validate_args=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return log-probabilities (batch, 10) of normalized images (batch, 28, 28).

        In evaluation mode with test-time augmentation, a large batch is processed in chunks.
        """
        images = images.to(self.dtype)  # the loaders' uint8 became float32 after Lightning's conversion
        if self.training or self.tta is None:
            return log_probabilities(self.network, images, None, self.temperature)
        chunks = torch.split(images, CHUNK)
        return torch.cat([log_probabilities(self.network, c, self.tta, self.temperature) for c in chunks])

    def trial_loss(self, network: nn.Module, precision: Precision) -> Tensor:
        """Return the loss of a batch of noise, and check what the network makes of it."""
        pixels = torch.randint(256, (TRIAL_IMAGES, SIDE, SIDE), dtype=torch.uint8)
        images: Tensor = precision.convert_input(normalize(pixels))
        return F.nll_loss(try_classifier(network, images), torch.arange(TRIAL_IMAGES))

    def recognizer(self) -> Recognizer:
        """Return a copy for reading, in evaluation mode: ``Reader(model.recognizer())``."""
        network = copy.deepcopy(self.network)
        return Recognizer(network, self.temperature, self.tta, self.threshold).eval()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the cross-entropy of a batch, with label smoothing and outlier exposure."""
        return self._step("train", batch)[0]

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Update ``val/loss`` and ``val/acc``; return the log-probabilities for the callbacks."""
        return self._step("val", batch)[1]

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Update ``test/loss`` and ``test/acc``; return the log-probabilities for the callbacks."""
        return self._step("test", batch)[1]

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> dict[str, Tensor]:
        """Predict a batch.

        Returns:
            ``index`` (batch,) as in the batch, ``digit`` int64 (batch,), ``probabilities`` float32
            (batch, 10); of pictures also ``turns`` (pictures,), see ``most_upright``.
        """
        probabilities = self(batch.images).exp()
        predicted = {"index": batch.indices}

        def classify(images: NDArray[Any]) -> NDArray[Any]:
            result: Tensor = self(torch.from_numpy(images).to(batch.images)).exp()
            return result.float().cpu().numpy()

        if batch.pictures is not None:
            sizes = [len(picture.found) for picture in batch.pictures]
            both = (values.float().cpu().split(sizes) for values in (batch.images, probabilities))
            upright = [
                most_upright(images.numpy(), rows.numpy(), classify)
                for images, rows in zip(*both, strict=True)
            ]
            probabilities = torch.from_numpy(np.concatenate([part for part, _ in upright]))
            predicted["turns"] = torch.tensor([turns for _, turns in upright])
        return {**predicted, "digit": probabilities.argmax(dim=1), "probabilities": probabilities}

    def _step(self, stage: Literal["train", "val", "test"], batch: Batch) -> tuple[Tensor, Tensor]:
        """Return loss and log-probabilities of a batch, and update the metrics of its stage."""
        images, targets, outliers = batch
        if outliers is None:
            predicted = self(images)
        else:
            predicted, of_outliers = self(torch.cat([images, outliers])).tensor_split([len(images)])
        loss = F.nll_loss(predicted, targets)  # of log-probabilities: the cross-entropy
        if stage != "train":
            self._log(f"{stage}/loss", loss, len(targets))
            self._log(f"{stage}/acc", predicted, targets)
            return loss, predicted
        if self.label_smoothing:
            loss = torch.lerp(loss, -predicted.mean(), self.label_smoothing)
        if outliers is not None and len(outliers):  # their target is ten equal probabilities
            share = len(outliers) / (len(images) + len(outliers))
            loss = torch.lerp(loss, -of_outliers.mean(), share)
        # The trainer writes at every n-th step only; logging at all others would cost half a step each.
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:
            self._log("train/loss", loss.detach(), len(targets))
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss, predicted

    def _log(self, name: str, *values: Any) -> None:
        metric = self.metrics[name]
        metric(*values)
        self.log(name, metric, prog_bar=True)  # type: ignore[arg-type]


def _copy_weights(start_from: str, network: nn.Module) -> None:
    path = PRETRAINED if start_from == "pretrained" else start_from
    try:
        network.load_state_dict(load_classifier(path).network.state_dict())
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights in {path} are not those of this network: give model.network as in its training."
        ) from error
