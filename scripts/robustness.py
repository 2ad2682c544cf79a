"""Measure accuracy on corrupted, shifted and rotated test images, for several networks.

python -m scripts.robustness mlp=FILE best=FILE best=FILE wide=FILE
python -m scripts.robustness --keep     measure the pretrained weights again and keep the other columns

Each argument is a name and a checkpoint; checkpoints of the same name, for example of several seeds, share a
column. The last column is the pretrained weights. Three files in docs/results/ are written: the table into
robustness.md, its figure robustness.png, and robustness.json with the raw figures and the hash of the weights
of each checkpoint.
"""

import argparse
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import torch
from torch import Generator, Tensor, nn

from digitrec.errors import CheckpointError
from digitrec.evaluation import plots
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.normalization import normalize
from digitrec.models.pretrained import CHUNK, PRETRAINED
from scripts.lib.corruptions import CORRUPTIONS, rotated, shifted
from scripts.lib.docs import RESULTS, mean_and_deviation, write_section
from scripts.lib.mnist import mnist_test_set

ROOT = Path(__file__).parents[1]
SHIFTS, DEGREES = range(7), range(0, 50, 5)
Networks = dict[str, list[nn.Module]]
Accuracies = dict[str, dict[str, list[float]]]  # by condition and name, one for each checkpoint


def conditions(images: Tensor, seed: int) -> Iterator[tuple[str, list[Tensor]]]:
    """Yield the name of each condition and the images under it, once for each direction of a condition."""
    yield "none", [images]
    for corrupt in CORRUPTIONS:
        # Each has its own seed, so that none depends on those before it.
        random = Generator().manual_seed(zlib.crc32(f"{seed} {corrupt.__name__}".encode()))
        yield corrupt.__name__, [corrupt(images, random)]
    for pixels in SHIFTS:
        directions = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * float(pixels)
        yield (
            f"shift {pixels}",
            [shifted(images, direction) for direction in directions[: 4 if pixels else 1]],
        )
    for angle in DEGREES:
        signed = torch.deg2rad(torch.tensor([angle, -angle]))[: 2 if angle else 1]
        yield f"rotation {angle}", [rotated(images, each.expand(len(images))) for each in signed]


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of images that a network classifies correctly."""
    digits = torch.cat([network(normalize(part)).argmax(dim=1) for part in images.split(CHUNK)])
    return (digits == labels).float().mean().item()


def measure(networks: Networks, images: Tensor, labels: Tensor, seed: int) -> Accuracies:
    """Measure every network under every condition, on the same images."""
    accuracies: Accuracies = {}
    for condition, variants in conditions(images.float(), seed):
        accuracies[condition] = {
            name: [mean(accuracy(network, variant, labels) for variant in variants) for network in of_name]
            for name, of_name in networks.items()
        }
        print(
            condition,
            *(f"{name} {mean_and_deviation(values, 1)}" for name, values in accuracies[condition].items()),
        )
    return accuracies


def table(accuracies: Accuracies) -> str:
    """Return a Markdown table: corruptions as rows, names as columns, accuracies in percent."""
    corruptions = [corrupt.__name__ for corrupt in CORRUPTIONS]
    names = list(accuracies["none"])
    average = {name: averages([accuracies[key][name] for key in corruptions]) for name in names}
    header = [f"{name} ({len(accuracies['none'][name])})" for name in names]
    lines = ["| corruption | " + " | ".join(header) + " |", "|---" * (len(names) + 1) + "|"]
    for title, row in [
        ("none", accuracies["none"]),
        *((key.replace("_", " "), accuracies[key]) for key in corruptions),
        ("mean of the eight", average),
        ("shift of 2 pixels", accuracies["shift 2"]),
        ("shift of 4 pixels", accuracies["shift 4"]),
        ("rotation of 15°", accuracies["rotation 15"]),
        ("rotation of 30°", accuracies["rotation 30"]),
    ]:
        lines.append(f"| {title} | " + " | ".join(mean_and_deviation(row[name], 1) for name in names) + " |")
    return "\n".join(lines)


def averages(rows: list[list[float]]) -> list[float]:
    """Return the mean over conditions for each checkpoint."""
    return [mean(values) for values in zip(*rows, strict=True)]


def draw(accuracies: Accuracies, digit: Tensor, seed: int) -> bytes:
    """Draw a digit under each corruption, and accuracy against shift and rotation; return a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), dpi=100, facecolor="white")
    samples = list(conditions(digit[None], seed))[: len(CORRUPTIONS) + 1]
    for place, (name, (image,)) in enumerate(samples):
        axes = figure.add_axes((0.07 + 0.103 * place, 0.75, 0.095, 0.16))
        axes.imshow(image[0], cmap="gray", vmin=0, vmax=255)
        axes.set_title(name.replace("_", " "), fontsize=9)
        axes.set(xticks=[], yticks=[])
    for left, kind, unit, values in (
        (0.07, "shift", "pixels", SHIFTS),
        (0.56, "rotation", "degrees", DEGREES),
    ):
        axes = figure.add_axes((left, 0.1, 0.42, 0.58))
        for name in accuracies["none"]:
            curve = [100 * mean(accuracies[f"{kind} {value}"][name]) for value in values]
            axes.plot(values, curve, "o-", markersize=3, label=name)
        axes.set(xlabel=f"{kind}, {unit}", ylim=(0, 101))
        axes.grid(color="0.9")
        axes.legend()
    figure.axes[-2].set_ylabel("test accuracy, %")
    return plots.png(figure)


def weights_hash(path: Path) -> str:
    """Return the SHA-256 of the weights of a checkpoint, which do not change with the rest of the file."""
    digest = hashlib.sha256()
    for name, weights in sorted(read_checkpoint(path)["state_dict"].items()):
        digest.update(f"{name} {weights.dtype} {list(weights.shape)}".encode())
        digest.update(weights.contiguous().numpy().tobytes())
    return digest.hexdigest()


def keep_others(
    checkpoints: list[list[str | None]], accuracies: Accuracies, seed: int
) -> list[list[str | None]]:
    """Add the columns of docs/results/robustness.json that were not measured again, before the others."""
    earlier = json.loads((RESULTS / "robustness.json").read_text())
    if earlier["seed"] != seed:
        raise SystemExit(f"robustness.json has seed {earlier['seed']}: --keep needs the same seed.")
    for condition, row in accuracies.items():
        accuracies[condition] = {**earlier["accuracies"][condition], **row}
    measured = {name for name, *_ in checkpoints}
    return [entry for entry in earlier["checkpoints"] if entry[0] not in measured] + checkpoints


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--seed", type=int, default=1, help="of the corruptions; 1 by default")
    parser.add_argument(
        "--keep", action="store_true", help="keep the columns of robustness.json that are not measured"
    )
    options = parser.parse_args()
    files = [tuple(argument.partition("=")[::2]) for argument in options.checkpoints]
    files.append(("pretrained", str(PRETRAINED.relative_to(ROOT))))
    if not all(name and file for name, file in files):
        parser.error(
            "give checkpoints as NAME=FILE, for example mlp=lightning_logs/version_0/checkpoints/best.ckpt"
        )
    networks: Networks = {}
    try:
        for name, file in files:
            networks.setdefault(name, []).append(load_classifier(file))
    except CheckpointError as error:
        parser.error(str(error))
    images, labels = mnist_test_set()
    accuracies = measure(networks, images, labels, options.seed)
    checkpoints: list[list[str | None]] = [[name, file, weights_hash(Path(file))] for name, file in files]
    if options.keep:
        checkpoints = keep_others(checkpoints, accuracies, options.seed)
    raw = {"seed": options.seed, "checkpoints": checkpoints, "accuracies": accuracies}
    (RESULTS / "robustness.json").write_text(json.dumps(raw, indent=1) + "\n")
    (RESULTS / "robustness.png").write_bytes(draw(accuracies, images[0].float(), options.seed))
    write_section("robustness", table(accuracies), RESULTS / "robustness.md")


if __name__ == "__main__":
    main()
