"""Sections written by scripts: their inputs, and whether these have changed.

The last line of a section is a comment with the commit, the date, and a checksum of each input.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zlib import crc32

from digitrec.models.pretrained import PRETRAINED, PRETRAINED_DETECTOR

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))
WEIGHTS = tuple(str(file.relative_to(ROOT)) for file in (PRETRAINED, PRETRAINED_DETECTOR))

PLACES = re.compile(
    r"<!-- (?P<name>.+): written by a script -->\n(?P<text>.*?)<!-- end of (?P=name) -->", re.S
)
STAMP = re.compile(r"<!-- made at (?P<commit>\S+) on (?P<date>\S+) from (?P<inputs>.*) -->\n$")


@dataclass(frozen=True)
class Source:
    """How a section is made.

    Attributes:
        command: what follows ``python -m``. A name in braces is a folder that only the user has: ``{used}``,
            ``{unseen}`` and ``{pages}`` of public pictures, ``{previous}``, a clone at an earlier commit, and
            ``{peers}``, the interpreter of the peers' environment.
        inputs: the files that its figures depend on, besides the code; relative to the repository.
    """

    command: str
    inputs: tuple[str, ...] = WEIGHTS


_FAST = ("configs/fast.yaml",)
_USED, _UNSEEN, _PAGES = (
    f"scripts.benchmark pictures {{{sets}}} --sets {sets} --previous {{previous}}"
    for sets in ("used", "unseen", "pages")
)
SOURCES = {
    "measured": Source("scripts.model_card"),
    "benchmark pictures": Source(_USED),
    "benchmark unseen pictures": Source(_UNSEEN),
    "benchmark pages": Source(_PAGES),
    "benchmark peers": Source("scripts.benchmark peers {used} --python {peers}"),
    "benchmark unseen peers": Source("scripts.benchmark peers {unseen} --sets unseen --python {peers}"),
    "benchmark rendered": Source("scripts.benchmark rendered --previous {previous}"),
    "benchmark png": Source("scripts.benchmark png"),
    "benchmark reading": Source("scripts.benchmark reading"),
    "robustness": Source("scripts.robustness"),
    "drawings": Source("scripts.benchmarks.browser replay"),
    "static page": Source("scripts.benchmarks.static_page"),
    "benchmark web": Source("scripts.benchmark web --previous {previous}"),
    "finetuning": Source("scripts.finetuning {used}", ("configs/finetune.yaml", *WEIGHTS)),
    "benchmark export": Source("scripts.benchmark export"),
    "processes accuracy": Source("scripts.processes accuracy"),
    "results": Source("scripts.reproduce --table", ()),
    "all results": Source("scripts.results", ()),
    "picture sets": Source(_USED, ()),
    "unseen picture sets": Source(_UNSEEN, ()),
    "page sets": Source(_PAGES, ()),
    "faults fast": Source("scripts.faults --write", _FAST),
    "faults best": Source(
        "scripts.faults --config configs/best.yaml --config scripts/lib/faults/combined.yaml --every 8 "
        "--kills 4 --write",
        (),
    ),
    "fuzz": Source("scripts.fuzz --count 2000 --seed 20 --write", ()),
    "fuzz onnx": Source("scripts.fuzz --count 125 --seed 20 --onnx --write", ()),
    "endurance": Source("scripts.benchmarks.endurance", ()),
    "benchmark checkpoints": Source("scripts.benchmark checkpoints", ()),
    "benchmark train": Source("scripts.benchmark train", ("configs/mlp.yaml",)),
    "benchmark fast": Source("scripts.benchmark fast", _FAST),
    "benchmark start": Source("scripts.benchmark start", _FAST),
    "processes metrics": Source("scripts.processes metrics", ()),
    "processes throughput": Source("scripts.processes throughput", ()),
    "sweep fast": Source("scripts.sweep configs/sweeps/fast.yaml --trials 20", ()),
}
"""The source of each section."""


@dataclass(frozen=True)
class Section:
    """A section as it stands in a document."""

    name: str
    file: Path
    text: str

    def changed(self) -> list[str]:
        """Return the inputs that have changed since it was made, or that it has no stamp."""
        found = STAMP.search(self.text)
        if found is None:
            return ["no stamp"]
        return [name for name in SOURCES[self.name].inputs if checksum(name) not in found["inputs"]]


def sections() -> Iterator[Section]:
    """Find the sections of README.md and docs/."""
    for file in DOCUMENTS:
        for place in PLACES.finditer(file.read_text()):
            yield Section(place["name"], file, place["text"])


def stamp(name: str) -> str:
    """Return the last line of a section that is made now."""
    inputs = SOURCES[name].inputs if name in SOURCES else ()
    made_from = ", ".join(map(checksum, inputs)) or "code alone"
    return f"<!-- made at {commit()} on {date.today()} from {made_from} -->\n"


def checksum(name: str) -> str:
    """Return the name of a file without its folder, and a checksum of what is in it."""
    return f"{Path(name).name} {crc32((ROOT / name).read_bytes()):08x}"


def commit() -> str:
    """Return the commit that runs, with a + if tracked files outside the docs differ from it."""
    git = ["git", "describe", "--always", "--abbrev=10", "--exclude=*"]
    name = subprocess.run(git, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    paths = ["digitrec", "configs", "scripts", "pyproject.toml"]
    changed = subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", *paths], cwd=ROOT, check=False
    ).returncode
    return name + ("+" if changed else "")
