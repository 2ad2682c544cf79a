"""Make the pretrained weights: train configs/handwriting.yaml, calibrate, write digitrec/weights/digits.ckpt.

python -m scripts.ship                     train and calibrate
python -m scripts.ship --from RUN.ckpt     calibrate an existing run of the config

The checkpoint is that of the last epoch. The temperature and the rejection threshold are chosen on the
held-out images of the config (data.val_size), which choose no checkpoint, and on as many digits that the page
detector finds on pages written with these images. Both are written into the checkpoint.
scripts/model_card.py measures the result on the test images.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.cli import DigitCLI
from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.synthetic.detected import DetectedDigits
from digitrec.export.classifier import export_classifier
from digitrec.files import replacing
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.normalization import normalize
from digitrec.models.pretrained import CHUNK, PRETRAINED
from digitrec.training.messages import ignore_warnings

CONFIG = "configs/handwriting.yaml"
CALIBRATION = 1
"""Seed of the pages on which the temperature and the threshold are chosen."""

REFUSED = 0.0075
"""Share of these digits that may be refused; of digits in pictures more are refused."""


def train() -> Path:
    """Fit the config and return the checkpoint of its last epoch."""
    cli = DigitCLI(["fit", f"--config={CONFIG}"])
    assert cli.trainer.log_dir is not None
    return Path(cli.trainer.log_dir) / "checkpoints" / "last.ckpt"


def held_out(checkpoint: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return the images, uint8 (N, 28, 28), and labels that a checkpoint was not trained on."""
    settings = checkpoint["datamodule_hyper_parameters"]
    data = MNISTDataModule(val_size=settings["val_size"], split_seed=settings["split_seed"])
    data.prepare_data()
    data.setup("validate")
    return data.val_set.images, data.val_set.targets


@torch.inference_mode()
def log_probabilities(path: Path, images: Tensor) -> Tensor:
    """Return the log-probabilities (N, 10) that a checkpoint predicts for images uint8 (N, 28, 28)."""
    classifier = load_classifier(path)
    return torch.cat([classifier(normalize(part)) for part in images.split(CHUNK)])


def best_temperature(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the temperature that minimizes the negative log-likelihood (NLL).

    The method is that of Guo et al., "On Calibration of Modern Neural Networks" (2017). The NLL is convex in
    the inverse temperature, so bisection of its derivative finds the minimum.

    Args:
        log_probabilities: (N, 10), at a temperature of 1.
        labels: (N,).
    """
    scores = log_probabilities.double()
    low, high = 0.01, 100.0
    for _ in range(60):
        inverse = (low * high) ** 0.5
        expected = ((scores * inverse).softmax(dim=1) * scores).sum(dim=1)
        if (expected - scores.gather(1, labels.unsqueeze(1)).squeeze(1)).mean() < 0:
            low = inverse
        else:
            high = inverse
    return 1 / inverse


def best_threshold(confidence: Tensor) -> float:
    """Return the highest threshold, in hundredths, that refuses at most the share REFUSED of the digits."""
    refused = [float((confidence < hundredths / 100).double().mean()) for hundredths in range(1, 101)]
    return sum(share <= REFUSED for share in refused) / 100


def ship(path: Path) -> None:
    """Calibrate a run and write its weights, without what only resuming needs."""
    checkpoint = read_checkpoint(path)
    images, labels = held_out(checkpoint)
    images, labels = DetectedDigits(len(images), seed=CALIBRATION, train=False)(images, labels)
    scores = log_probabilities(path, images)
    temperature = round(best_temperature(scores, labels), 3)
    confidence = F.softmax(scores / temperature, dim=1).amax(dim=1)
    threshold = best_threshold(confidence)
    accuracy = (scores.argmax(dim=1) == labels).double().mean()
    print(f"Accuracy on {len(labels)} held-out digits: {accuracy:.2%}; temperature {temperature}.")
    print(f"Threshold {threshold}: it refuses at most {REFUSED:.2%} of them.")
    kept = {key: checkpoint[key] for key in ("pytorch-lightning_version", "state_dict")}
    whole = torch.load(path, weights_only=True)  # read_checkpoint leaves out Lightning's _instantiator
    for key in ("hyper_parameters", "datamodule_hyper_parameters"):
        kept[key] = checkpoint[key] | {"_instantiator": whole[key]["_instantiator"]}
    kept["hyper_parameters"] |= {"temperature": temperature, "threshold": threshold}
    kept["datamodule_hyper_parameters"].pop("data_dir", None)
    PRETRAINED.parent.mkdir(exist_ok=True)
    with replacing(PRETRAINED) as file:
        torch.save(kept, file)
    export_classifier(PRETRAINED, PRETRAINED.with_suffix(".onnx"))
    print(f"Wrote {PRETRAINED}, {PRETRAINED.stat().st_size / 1000:.0f} kB, and its ONNX file.")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="run", type=Path, help="a last.ckpt, in place of training")
    options = parser.parse_args()
    ignore_warnings()
    ship(options.run or train())


if __name__ == "__main__":
    main()
