"""How fast is it? Ratios measured in one run on one machine, as the medians of interleaved rounds.

python -m scripts.benchmark train     a training epoch: the usual script, bare PyTorch, digitrec; and memory
python -m scripts.benchmark fast      how much sooner configs/fast.yaml is at the published accuracy
python -m scripts.benchmark memory    what fit takes above the level after imports
python -m scripts.benchmark distort   distorting a batch of 128 against the training step that follows it
python -m scripts.benchmark checkpoints  epochs with step checkpoints against epochs without, in turns
python -m scripts.benchmark figures   what figures every 5 epochs add to 20 epochs of configs/mlp.yaml
python -m scripts.benchmark reading   a photograph of 12 megapixels and 1,000 small pictures, against Pillow
python -m scripts.benchmark export    the ONNX file against PyTorch: start, one image, a batch
python -m scripts.benchmark web       50 clients at once ask the web server 2,000 times
python -m scripts.benchmark png       MNIST's test images as PNG files against the network on their pixels
python -m scripts.benchmark rendered  accuracy on rendered photographs, scans, forms, drawings and empty pages
python -m scripts.benchmark pictures FOLDER...
                                      accuracy on people's own digits; the sets are in picture_sets.yaml,
                                      with --sets unseen in picture_sets_unseen.yaml: they chose nothing

train and fast write what they print into docs/speed.md, export and web into docs/page.md, checkpoints into
docs/faults.md, reading, png, rendered and pictures into docs/pictures.md.
"""

import argparse
import sys
from pathlib import Path

from digitrec.data.download import ensure_mnist
from digitrec.errors import CheckpointError
from scripts.benchmarks.overheads import checkpoints, distort, figures
from scripts.benchmarks.picture_accuracy import DOCS, ROADS, pictures
from scripts.benchmarks.png_accuracy import png
from scripts.benchmarks.reading_time import reading
from scripts.benchmarks.rendered_accuracy import rendered
from scripts.benchmarks.training_time import fast, memory, train
from scripts.lib.docs import PAGE, machine, report
from scripts.lib.picture_sets.sets import RULES, LabelError
from scripts.lib.training_loops import DATA


def time_reading(rounds: int) -> None:
    """Print how long reading takes, and write it into docs/pictures.md."""
    ensure_mnist(DATA)
    report("benchmark reading", [reading(rounds, DATA, machine())], DOCS)


def read_png() -> None:
    """Print what reading MNIST as PNG files costs, and write it into docs/pictures.md."""
    report("benchmark png", png(DATA), DOCS)


def time_export(rounds: int) -> None:
    """Print what the ONNX file saves, and write it into docs/page.md."""
    from scripts.benchmarks.export_time import export_times  # needs what only the extra `export` installs

    report("benchmark export", [export_times(rounds, machine())], PAGE)


def time_web() -> None:
    """Print how long the web server's answers take under load, and write it into docs/page.md."""
    from scripts.benchmarks.serving import web

    report("benchmark web", [web(machine())], PAGE)


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add what ``pictures`` takes."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="snapshots of repositories")
    parser.add_argument(
        "--sets", choices=RULES, default="used", help="unseen: they chose nothing; only their pool is said"
    )
    parser.add_argument("--roads", nargs="+", choices=ROADS, default=tuple(ROADS))
    parser.add_argument(
        "--published",
        dest="published_weights",
        type=Path,
        metavar="CKPT",
        help="weights of the published recipe; default: the newest run of configs/mlp.yaml",
    )
    parser.add_argument(
        "--weights",
        dest="our_weights",
        type=Path,
        metavar="CKPT",
        help="weights of ours; default: those that ship",
    )
    parser.add_argument("--output", type=Path, metavar="JSON", help="what each road read of each picture")
    parser.add_argument(
        "--errors", type=Path, metavar="PNG", help="the pictures that the last road got wrong"
    )


def add_rendered(parser: argparse.ArgumentParser) -> None:
    """Add what ``rendered`` takes."""
    parser.add_argument("--digits", type=int, default=500)
    parser.add_argument("--seed", type=int, help="of other pages, of images held out; default: the report's")
    parser.add_argument("--weights", type=Path, metavar="CKPT", help="default: those that ship")
    parser.add_argument("--errors", type=Path, metavar="PNG", help="the pages with mistakes")


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subparsers = parser.add_subparsers(dest="what", required=True)
    for name in ("train", "fast", "distort", "checkpoints", "reading", "figures", "export"):
        subparsers.add_parser(name).add_argument("--rounds", type=int, default=5)
    for name in ("memory", "web", "png"):
        subparsers.add_parser(name)
    add_pictures(subparsers.add_parser("pictures"))
    add_rendered(subparsers.add_parser("rendered"))
    options = vars(parser.parse_args())
    what = options.pop("what")
    try:
        commands = {"train": train, "fast": fast, "distort": distort, "memory": memory, "pictures": pictures}
        commands |= {"checkpoints": checkpoints, "reading": time_reading, "figures": figures}
        commands |= {"rendered": rendered, "png": read_png, "export": time_export, "web": time_web}
        commands[what](**options)
    except (CheckpointError, LabelError) as error:
        sys.exit(f"benchmark: {error}")


if __name__ == "__main__":
    main()
