"""What 50 own digits bring, on other digits of the same writer and on those of other people.

python -m scripts.finetuning FOLDER...     snapshots of repositories, as for ``benchmark pictures``

For each set of at least 90 single pictures by one writer, five pictures of each digit are trained on beside
MNIST: with configs/finetune.yaml, which starts from the pretrained weights, and with configs/fast.yaml, which
starts at random and knows MNIST only. The writer's other pictures and those of all other sets are recognized
with and without. The result goes into docs/results/finetuning.md.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor

from digitrec.cli import DigitCLI
from digitrec.data.labelled import labelled_digits
from digitrec.models.checkpoints import load_classifier
from digitrec.models.pretrained import PRETRAINED
from digitrec.models.recognizer import Recognizer
from digitrec.training.messages import ignore_warnings
from scripts.lib.docs import RESULTS, machine, markdown_table, write_section
from scripts.lib.picture_sets.sets import found_sets

LEAST = 90
"""Pictures of a writer's set, at least."""

OF_EACH = 5
"""Pictures of each digit that are trained on."""

Digits = tuple[Tensor, Tensor]
Labelled = list[tuple[Path, str]]


def write_set(pictures: Labelled, folder: Path) -> Digits:
    """Copy labelled pictures into a folder 0 to 9 each, and return their digits as the reader sees them."""
    for number, (path, label) in enumerate(pictures):
        target = folder / label / f"{number:04}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return labelled_digits(folder)


def split(pictures: Labelled) -> tuple[Labelled, Labelled]:
    """Return the first pictures of each digit, and the others."""
    seen: Counter[str] = Counter()
    parts: tuple[Labelled, Labelled] = ([], [])
    for path, label in pictures:
        parts[seen[label] >= OF_EACH].append((path, label))
        seen[label] += 1
    return parts


def tune(config: str, own: Path | None, folder: Path) -> Recognizer:
    """Train with a config, and with own digits if there are any."""
    extra = [f"--data.extra_dir={own}", "--data.extra_repeats=100"] if own else []
    place = f"--trainer.logger.init_args.save_dir={folder}"
    cli = DigitCLI(["fit", f"--config=configs/{config}.yaml", *extra, place])
    return load_classifier(Path(str(cli.trainer.log_dir)) / "checkpoints" / "last.ckpt")


def recognized(classifier: Recognizer, digits: Digits) -> tuple[str, str]:
    """Return how many digits are recognized, and the mean negative log-likelihood of the labels."""
    images, labels = digits
    probabilities = classifier.probabilities(images)
    right = int((probabilities.argmax(1) == labels).sum())
    loss = -probabilities.gather(1, labels[:, None]).clamp(min=1e-9).log().mean().item()
    return f"{right} of {len(labels)}", f"{loss:.4f}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    ignore_warnings()
    rows = [["writer", "weights", "other digits of the writer", "log loss", "other people's", "log loss"]]
    with tempfile.TemporaryDirectory() as scratch:
        rows += compare(single_pictures(options.folders), Path(scratch))
    text = f"{markdown_table(rows, right=(2, 3, 4, 5))}\n\nOne seed. {machine()}."
    write_section("finetuning", text, RESULTS / "finetuning.md")


def single_pictures(folders: list[Path]) -> dict[str, Labelled]:
    """Return the files of single digits with their labels, by set."""
    sets = [(known, place) for known, place in found_sets(folders) if known.kind == "single"]
    return {
        known.name: [
            (each.source, each.label) for each in known.pictures(place) if isinstance(each.source, Path)
        ]
        for known, place in sets
    }


def compare(sets: dict[str, Labelled], folder: Path) -> list[list[str]]:
    """Train without and with the digits of each writer, and return the rows of the table."""
    rows, all_digits = [], {}
    for number, (name, pictures) in enumerate(sets.items()):
        if pictures:
            all_digits[name] = write_set(pictures, folder / "all" / str(number))
    without = {
        "pretrained": load_classifier(PRETRAINED),
        "finetune.yaml without own digits": tune("finetune", None, folder),
        "fast.yaml without own digits": tune("fast", None, folder),
    }
    for number, name in enumerate(name for name, pictures in sets.items() if len(pictures) >= LEAST):
        trained, held_out = split(sets[name])
        own = folder / "own" / str(number)
        write_set(trained, own)
        mine = write_set(held_out, folder / "rest" / str(number))
        others = [digits for other, digits in all_digits.items() if other.split()[0] != name.split()[0]]
        theirs = torch.cat([images for images, _ in others]), torch.cat([labels for _, labels in others])
        with_own = {
            f"{config}.yaml with {len(trained)} own digits": tune(config, own, folder)
            for config in ("finetune", "fast")
        }
        for what, classifier in {**without, **with_own}.items():
            rows.append([name, what, *recognized(classifier, mine), *recognized(classifier, theirs)])
            print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    main()
