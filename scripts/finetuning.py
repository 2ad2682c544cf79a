"""What 50 own digits bring, on other digits of the same writer and on those of other people.

python -m scripts.finetuning FOLDER...     snapshots of repositories, as for ``benchmark pictures``

For each set of at least 90 single pictures by one writer, five pictures of each digit are trained on beside
MNIST: with configs/finetune.yaml, which starts from the pretrained weights, and with configs/fast.yaml, which
starts at random and knows MNIST only. The writer's other pictures and those of all other sets are recognized
with and without; then five other pictures of each digit are trained on. The result goes into
docs/results/finetuning.md.
"""

import argparse
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

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

FOLDS = 2
"""Choices of these pictures. A set of LEAST pictures has no third one without repetition."""

CONFIGS = "finetune", "fast"

Digits = tuple[Tensor, Tensor]
Labelled = list[tuple[Path, str]]


def write_set(pictures: Labelled, folder: Path) -> Digits:
    """Copy labelled pictures into a folder 0 to 9 each, and return their digits as the reader sees them."""
    for number, (path, label) in enumerate(pictures):
        target = folder / label / f"{number:04}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return labelled_digits(folder)


def split(pictures: Labelled, fold: int) -> tuple[Labelled, Labelled]:
    """Return five pictures of each digit, the first of them in fold 0, and all others."""
    seen: Counter[str] = Counter()
    parts: tuple[Labelled, Labelled] = ([], [])
    for path, label in pictures:
        parts[seen[label] // OF_EACH != fold].append((path, label))
        seen[label] += 1
    return parts


def tune(config: str, own: Path | None, folder: Path) -> Recognizer:
    """Train with a config, and with own digits if there are any."""
    extra = [f"--data.extra_dir={own}", "--data.extra_repeats=100"] if own else []
    place = f"--trainer.logger.init_args.save_dir={folder}"
    cli = DigitCLI(["fit", f"--config=configs/{config}.yaml", *extra, place])
    return load_classifier(Path(str(cli.trainer.log_dir)) / "checkpoints" / "last.ckpt")


class Score(NamedTuple):
    """How digits are recognized: how many correctly, of how many, and the mean log loss of the labels."""

    correct: int
    count: int
    loss: float


def score(classifier: Recognizer, digits: Digits) -> Score:
    """Recognize digits."""
    images, labels = digits
    probabilities = classifier.probabilities(images)
    loss = -probabilities.gather(1, labels[:, None]).clamp(min=1e-9).log().mean().item()
    return Score(int((probabilities.argmax(1) == labels).sum()), len(labels), loss)


def cells(scores: list[Score]) -> list[str]:
    """Return how many digits of all folds are recognized, and mean and deviation of the log losses."""
    correct, count = (sum(each[place] for each in scores) for place in (0, 1))
    losses = [each.loss for each in scores]
    return [f"{correct} of {count}", f"{mean(losses):.3f} ± {stdev(losses):.3f}"]


def single_pictures(folders: list[Path]) -> dict[str, Labelled]:
    """Return the files of single digits with their labels, by set."""
    sets = [(known, place) for known, place in found_sets(folders) if known.kind == "single"]
    return {
        known.name: [
            (each.source, each.label) for each in known.pictures(place) if isinstance(each.source, Path)
        ]
        for known, place in sets
    }


def compare(sets: dict[str, Labelled], folder: Path) -> dict[tuple[str, str], list[tuple[Score, Score]]]:
    """Train without and with the digits of each writer.

    Returns:
        By writer and weights, for each fold the scores of the writer's other digits and of other people's.
    """
    digits = {
        name: write_set(pictures, folder / "all" / str(number))
        for number, (name, pictures) in enumerate(sets.items())
        if pictures
    }
    without = {
        "pretrained": load_classifier(PRETRAINED),
        **{f"{config}.yaml without them": tune(config, None, folder) for config in CONFIGS},
    }
    scores = defaultdict(list)
    for writer, pictures in sets.items():
        if len(pictures) < LEAST:
            continue
        others = [each for name, each in digits.items() if name.split()[0] != writer.split()[0]]
        theirs = torch.cat([images for images, _ in others]), torch.cat([labels for _, labels in others])
        for fold in range(FOLDS):
            trained, held_out = split(pictures, fold)
            own = Path(tempfile.mkdtemp(dir=folder))
            write_set(trained, own / "own")
            mine = write_set(held_out, own / "rest")
            tuned = {f"{config}.yaml with them": tune(config, own / "own", folder) for config in CONFIGS}
            for weights, classifier in {**without, **tuned}.items():
                scores[writer, weights].append((score(classifier, mine), score(classifier, theirs)))
                print(writer, fold, weights, *scores[writer, weights][-1], flush=True)
    return scores


def table(scores: dict[tuple[str, str], list[tuple[Score, Score]]]) -> str:
    """Return a row for each writer and weights, and rows of all writers."""
    rows = [["writer", "weights", "other digits of the writer", "log loss", "other people's", "log loss"]]
    for weights in dict.fromkeys(weights for _, weights in scores):
        scores["all", weights] = [each for key, of in scores.items() if key[1] == weights for each in of]
    for (writer, weights), of_folds in scores.items():
        mine, theirs = (list(each) for each in zip(*of_folds, strict=True))
        rows.append([writer, weights, *cells(mine), *cells(theirs)])
    return markdown_table(rows, right=(2, 3, 4, 5))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    ignore_warnings()
    with tempfile.TemporaryDirectory() as scratch:
        scores = compare(single_pictures(options.folders), Path(scratch))
    note = f"{FOLDS} folds for each writer; ± is the standard deviation over writers and folds. One seed."
    write_section("finetuning", f"{table(scores)}\n\n{note} {machine()}.", RESULTS / "finetuning.md")


if __name__ == "__main__":
    main()
