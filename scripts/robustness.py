"""Where does it break? Accuracy on the corrupted, shifted and rotated test set, networks side by side.

python -m scripts.robustness mlp=FILE best=FILE best=FILE wide=FILE
python -m scripts.robustness --keep     the weights that ship anew; the other columns stay

Each argument is a name and a checkpoint; checkpoints of one name, as of several seeds, share a column. The
weights that ship with digitrec, where they are there, make the last column. Writes the table in
docs/robustness.md, its figure docs/robustness.png and the raw figures docs/robustness.json,
with the hash of the weights of each checkpoint.
"""

import argparse
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Generator, Tensor, nn

from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.datasets import DigitDataset
from digitrec.errors import CheckpointError
from digitrec.evaluation import plots as figures
from digitrec.models.checkpoints import load_classifier, read_checkpoint
from digitrec.models.normalization import normalize
from digitrec.models.recognizer import CHUNK
from scripts.lib.corruptions import CORRUPTIONS, shifted, turned
from scripts.lib.docs import write_section

DOCS = Path("docs")
SHIPPED = Path("digitrec/weights/digits.ckpt")
SHIFTS, DEGREES = range(7), range(0, 50, 5)
Networks = dict[str, list[nn.Module]]
Accuracies = dict[str, dict[str, list[float]]]  # by condition and name, one for each checkpoint


def conditions(images: Tensor, seed: int) -> Iterator[tuple[str, list[Tensor]]]:
    """Give the images under each condition, by name; where it has several directions, under each of them."""
    yield "none", [images]
    for corrupt in CORRUPTIONS:
        # Each from a seed of its own, so that none depends on those before it.
        random = Generator().manual_seed(zlib.crc32(f"{seed} {corrupt.__name__}".encode()))
        yield corrupt.__name__, [corrupt(images, random)]
    for pixels in SHIFTS:
        directions = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * float(pixels)
        yield (
            f"shift {pixels}",
            [shifted(images, direction) for direction in directions[: 4 if pixels else 1]],
        )
    for angle in DEGREES:
        ways = torch.deg2rad(torch.tensor([angle, -angle]))[: 2 if angle else 1]
        yield f"rotation {angle}", [turned(images, way.expand(len(images))) for way in ways]


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of images that a network reads right."""
    digits = torch.cat([network(normalize(part)).argmax(dim=1) for part in images.split(CHUNK)])
    return (digits == labels).float().mean().item()


def measure(networks: Networks, test_set: DigitDataset, seed: int) -> Accuracies:
    """Measure every network under every condition, on the same images."""
    accuracies: Accuracies = {}
    for condition, variants in conditions(test_set.images.float(), seed):
        accuracies[condition] = {
            name: [
                mean(accuracy(network, images, test_set.targets) for images in variants) for network in ofname
            ]
            for name, ofname in networks.items()
        }
        print(condition, *(f"{name} {spread(values)}" for name, values in accuracies[condition].items()))
    return accuracies


def table(accuracies: Accuracies) -> str:
    """The corruptions as rows, the names as columns, accuracies in percent."""
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
        lines.append(f"| {title} | " + " | ".join(spread(row[name]) for name in names) + " |")
    return "\n".join(lines)


def averages(rows: list[list[float]]) -> list[float]:
    """The mean over conditions for each checkpoint."""
    return [mean(values) for values in zip(*rows, strict=True)]


def spread(values: list[float]) -> str:
    """Mean and standard deviation in percent; the mean alone for one value."""
    plus_minus = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{plus_minus}"


def draw(accuracies: Accuracies, digit: Tensor, seed: int) -> bytes:
    """A digit under each corruption above the curves against shift and rotation, as a PNG."""
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
    return figures.png(figure)


def weights_hash(path: Path) -> str:
    """SHA-256 of a checkpoint's weights alone: of the file it would change with what else is in it."""
    digest = hashlib.sha256()
    for name, weights in sorted(read_checkpoint(path)["state_dict"].items()):
        digest.update(f"{name} {weights.dtype} {list(weights.shape)}".encode())
        digest.update(weights.contiguous().numpy().tobytes())
    return digest.hexdigest()


def keep_others(
    checkpoints: list[list[str | None]], accuracies: Accuracies, seed: int
) -> list[list[str | None]]:
    """Put the columns of docs/robustness.json whose names were not measured before those that were."""
    earlier = json.loads((DOCS / "robustness.json").read_text())
    if earlier["seed"] != seed:
        raise SystemExit(f"docs/robustness.json is of seed {earlier['seed']}: --keep needs that seed.")
    for condition, row in accuracies.items():
        accuracies[condition] = {**earlier["accuracies"][condition], **row}
    measured = {name for name, *_ in checkpoints}
    return [known for known in earlier["checkpoints"] if known[0] not in measured] + checkpoints


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--seed", type=int, default=1, help="of the corruptions; 1 by default")
    parser.add_argument(
        "--keep", action="store_true", help="keep the columns of docs/robustness.json that are not measured"
    )
    options = parser.parse_args()
    files = [tuple(given.partition("=")[::2]) for given in options.checkpoints]
    files += [("shipped", str(SHIPPED))] if SHIPPED.exists() else []
    if not files or not all(name and file for name, file in files):
        parser.error(
            "give checkpoints as NAME=FILE, for example mlp=lightning_logs/version_0/checkpoints/best.ckpt"
        )
    networks: Networks = {}
    try:
        for name, file in files:
            networks.setdefault(name, []).append(load_classifier(file))
    except CheckpointError as error:
        parser.error(str(error))
    module = MNISTDataModule()
    module.prepare_data()
    module.setup("test")
    accuracies = measure(networks, module.test_set, options.seed)
    checkpoints: list[list[str | None]] = [[name, file, weights_hash(Path(file))] for name, file in files]
    if options.keep:
        checkpoints = keep_others(checkpoints, accuracies, options.seed)
    raw = {"seed": options.seed, "checkpoints": checkpoints, "accuracies": accuracies}
    (DOCS / "robustness.json").write_text(json.dumps(raw, indent=1) + "\n")
    (DOCS / "robustness.png").write_bytes(draw(accuracies, module.test_set.images[0].float(), options.seed))
    write_section("robustness", table(accuracies), DOCS / "robustness.md")


if __name__ == "__main__":
    main()
