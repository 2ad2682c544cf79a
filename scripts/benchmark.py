"""Measure speed and accuracy. Times are medians of interleaved rounds in one run on one machine.

python -m scripts.benchmark train     a training epoch of three loops, and the memory of fit
python -m scripts.benchmark fast      time of configs/fast.yaml to the published accuracy
python -m scripts.benchmark start     processor time of whole commands, relative to import torch
python -m scripts.benchmark memory    peak memory of fit above the level after imports
python -m scripts.benchmark distort   distortion of a batch of 128, relative to a training step
python -m scripts.benchmark checkpoints  alternating epochs with and without checkpoints inside the epoch
python -m scripts.benchmark figures   overhead of figures every 5 epochs in 20 epochs of configs/mlp.yaml
python -m scripts.benchmark reading   a photo of 12 megapixels and 1,000 small pictures, relative to decoding
python -m scripts.benchmark export    ONNX Runtime and PyTorch: start, one image, a batch
python -m scripts.benchmark web       latency, processor time and memory of the web server, 50 clients
python -m scripts.benchmark png       accuracy on MNIST's test images as PNG files
python -m scripts.benchmark rendered  accuracy on rendered photographs, scans, forms, drawings and empty pages
python -m scripts.benchmark pictures FOLDER...
                                      accuracy on public pictures; the sets are listed in
                                      scripts/lib/picture_sets/used.yaml, with --sets unseen in unseen.yaml,
                                      with --sets pages in pages.yaml
python -m scripts.benchmark peers FOLDER... --python PEERS/bin/python
                                      other recognizers on the same pictures

rendered, pictures and web compare with another commit: --previous CLONE.

Results go into docs/results/: train, fast and start into speed.md, export and web into web.md, checkpoints
into kills.md, reading, png, rendered, pictures and peers into pictures.md.
"""

import argparse
import sys
from pathlib import Path

from digitrec.data.download import ensure_mnist
from digitrec.errors import CheckpointError
from scripts.benchmarks.overheads import checkpoints, distort, figures
from scripts.benchmarks.peers import PeerError, peers
from scripts.benchmarks.picture_accuracy import pictures
from scripts.benchmarks.png_accuracy import png
from scripts.benchmarks.reading_time import reading
from scripts.benchmarks.rendered_accuracy import rendered
from scripts.benchmarks.start_time import start
from scripts.benchmarks.training_time import fast, memory, train
from scripts.lib.baselines import DEFAULT
from scripts.lib.docs import PICTURES, WEB, machine, report
from scripts.lib.mnist import DATA
from scripts.lib.picture_sets.sets import FILES, LabelError


def time_reading(rounds: int) -> None:
    """Measure the time of reading and write it into docs/results/pictures.md."""
    ensure_mnist(DATA)
    report("benchmark reading", [reading(rounds, DATA, machine())], PICTURES)


def read_png() -> None:
    """Measure the accuracy on MNIST as PNG files and write it into docs/results/pictures.md."""
    report("benchmark png", png(DATA), PICTURES)


def time_export(rounds: int) -> None:
    """Measure the time of the ONNX file and write it into docs/results/web.md."""
    from scripts.benchmarks.export_time import export_times  # needs packages of the extra `export`

    report("benchmark export", [export_times(rounds, machine())], WEB)


def time_web(requests: int, previous: Path | None) -> None:
    """Measure the web server under load and write it into docs/results/web.md."""
    from scripts.benchmarks.serving import web

    report("benchmark web", web(machine(), requests, previous), WEB)


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pictures``."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="snapshots of repositories")
    parser.add_argument(
        "--sets",
        choices=FILES,
        default="used",
        help="unseen: held-out sets, of which only pooled figures are shown; pages: tables, forms and others",
    )
    parser.add_argument("--methods", nargs="+", choices=DEFAULT, help="default: all; for pages, digitrec")
    parser.add_argument(
        "--baseline-weights",
        type=Path,
        metavar="CKPT",
        help="weights of the published recipe; default: the newest run of configs/mlp.yaml",
    )
    parser.add_argument("--weights", type=Path, metavar="CKPT", help="default: the pretrained weights")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the predictions for each picture")
    parser.add_argument("--errors", type=Path, metavar="PNG", help="draw the errors of the last method")
    add_previous(parser)


def add_peers(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``peers``."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="snapshots of repositories")
    parser.add_argument("--sets", choices=("used", "unseen"), default="used")
    parser.add_argument(
        "--python", type=Path, required=True, help="interpreter of the environment with the peers' packages"
    )


def add_rendered(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``rendered``."""
    parser.add_argument("--digits", type=int, default=500)
    parser.add_argument(
        "--seed", type=int, help="render held-out images with another seed; default: the pages of the report"
    )
    parser.add_argument("--weights", type=Path, metavar="CKPT", help="default: the pretrained weights")
    parser.add_argument("--errors", type=Path, metavar="PNG", help="draw the pages with errors")
    add_previous(parser)


def add_web(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``web``."""
    parser.add_argument("--requests", type=int, default=1000)
    add_previous(parser)


def add_previous(parser: argparse.ArgumentParser) -> None:
    """Add the option to compare with another commit."""
    parser.add_argument(
        "--previous", type=Path, metavar="CLONE", help="a clone at another commit, that is compared"
    )


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subparsers = parser.add_subparsers(dest="what", required=True)
    for name in ("train", "fast", "start", "distort", "checkpoints", "reading", "figures", "export"):
        subparsers.add_parser(name).add_argument("--rounds", type=int, default=5)
    for name in ("memory", "png"):
        subparsers.add_parser(name)
    add_web(subparsers.add_parser("web"))
    add_pictures(subparsers.add_parser("pictures"))
    add_peers(subparsers.add_parser("peers"))
    add_rendered(subparsers.add_parser("rendered"))
    options = vars(parser.parse_args())
    what = options.pop("what")
    try:
        commands = {"train": train, "fast": fast, "distort": distort, "memory": memory, "pictures": pictures}
        commands |= {"checkpoints": checkpoints, "reading": time_reading, "figures": figures}
        commands |= {"rendered": rendered, "png": read_png, "export": time_export, "web": time_web}
        commands |= {"peers": peers, "start": start}
        commands[what](**options)
    except (CheckpointError, LabelError, PeerError) as error:
        sys.exit(f"benchmark: {error}")


if __name__ == "__main__":
    main()
