"""Accuracy of other recognizers on the pictures that digitrec reads in the same run."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from digitrec.data.download import ensure_mnist
from digitrec.data.mnist import load_mnist
from scripts.benchmarks.picture_accuracy import measure
from scripts.lib import peers as peer_process
from scripts.lib.baselines import Prediction, reader_method
from scripts.lib.docs import PICTURES, markdown_table, report
from scripts.lib.mnist import DATA
from scripts.lib.peers import PEERS
from scripts.lib.picture_sets.sets import Picture, found_sets, known_sets
from scripts.lib.picture_tables import Measured, Result
from scripts.lib.readers import readers

COLUMNS = {"digitrec": "digitrec", **PEERS}
"""Methods by name, each with its name in the table."""


class PeerError(RuntimeError):
    """The peers could not run; the message says which package is missing."""


def add_peers(measured: Measured, python: Path) -> tuple[Measured, list[str]]:
    """Let the peers read the pictures that digitrec has read.

    Args:
        measured: as ``measure`` returns it.
        python: the interpreter of the peers' environment.

    Returns:
        the results with the peers' predictions, and the versions of their packages.

    Raises:
        PeerError: see there.
    """
    with TemporaryDirectory() as folder:
        pictures = [(known, result.picture) for known, results in measured for result in results]
        files = [
            (_file(picture, Path(folder, f"{number}.png")), known.kind == "single")
            for number, (known, picture) in enumerate(pictures)
        ]
        answer = run_peers(files, Path(folder), python)
    versions = answer.pop("versions")
    texts = zip(*answer.values(), strict=True)
    return [
        (known, [_with_peers(result, answer, next(texts)) for result in results])
        for known, results in measured
    ], versions


def _file(picture: Picture, crop: Path) -> str:
    """Return the file of a picture; a crop is written as one."""
    if isinstance(picture.source, Path):
        return str(picture.source.resolve())
    image = picture.source
    assert not isinstance(image, np.ndarray), "other benchmarks are not read by peers"
    image.save(crop)
    return str(crop)


def _with_peers(result: Result, names: Iterable[str], texts: Iterable[str]) -> Result:
    named = zip(names, texts, strict=True)
    read = {
        name: Prediction(text, (0.0,) * len(text.replace(" ", ""))) for name, text in named
    }  # not compared
    return Result(result.picture, result.predictions | read)


def run_peers(pictures: list[tuple[str, bool]], folder: Path, python: Path) -> dict[str, list[str]]:
    """Run the peers over files, each with whether it is a single digit; return versions and texts by peer."""
    images, labels = load_mnist(DATA, train=True)
    np.savez(folder / "mnist.npz", images=images.numpy(), labels=labels.numpy())
    job = folder / "job.json"
    job.write_text(json.dumps({"mnist": str(folder / "mnist.npz"), "pictures": pictures}))
    command = [str(python), "-I", str(Path(peer_process.__file__)), str(job)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=None, text=True, check=True)
    except OSError as error:
        raise PeerError(f"{python} cannot be run: give the peers' interpreter with --python.") from error
    except subprocess.CalledProcessError as error:
        raise PeerError("The peers stopped, for the reason above.") from error
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def peer_table(measured: Measured, methods: Sequence[str] = tuple(COLUMNS)) -> str:
    """Return the share of single digits and the number of pages and lines that each method reads exactly."""
    single = [result for known, results in measured if known.kind == "single" for result in results]
    pages = [result for known, results in measured if known.kind != "single" for result in results]
    lines = sum(len(result.picture.label.split()) for result in pages)
    head = [f"{len(single)} single digits", f"{len(pages)} pages, exact", f"{lines} lines, exact"]
    rows = [["method", *head]]
    for method in methods:
        correct = sum(result.correct(method) for result in single)
        share = f"{correct / len(single):.1%}" if single else "-"
        exact = sum(result.correct(method) for result in pages)
        correct_lines = sum(result.score(method).lines_exact for result in pages)
        rows.append([COLUMNS[method], share, str(exact), str(correct_lines)])
    return markdown_table(rows, right=(1, 2, 3))


def peers(folders: list[Path], python: Path, sets: str = "used") -> None:
    """Measure digitrec and its peers on the pictures in some folders and print a table.

    The table is written into docs/results/pictures.md if all sets of used.yaml or unseen.yaml were found.

    Args:
        folders: snapshots of repositories.
        python: the interpreter of the peers' environment.
        sets: "used" or "unseen".

    Raises:
        LabelError: see ``measure``.
        PeerError: see there.
    """
    ensure_mnist(DATA)
    found = [(known, folder) for known, folder in found_sets(folders, sets) if known.kind != "benchmark"]
    with readers() as compared:
        measured = measure(found, {"digitrec": reader_method(compared["digitrec"])})
    measured, versions = add_peers(measured, python)
    text = f"The peers: {', '.join(versions)}.\n\n{peer_table(measured)}"
    listed = [known for known in known_sets(sets) if known.kind != "benchmark"]
    if [known for known, _ in found] == listed:
        report(f"benchmark {'unseen ' if sets == 'unseen' else ''}peers", text.split("\n"), PICTURES)
    else:
        print(text)
        print(f"{PICTURES} is unchanged: it is written only if all sets were measured.", file=sys.stderr)
