"""Start of the commands: ``benchmark start``."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from scripts.lib.docs import SPEED, machine, report
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from scripts.lib.training_loops import FAST

TORCH = ["-c", "import torch"]
"""The unit: what every program with PyTorch takes."""


def start(rounds: int) -> None:
    """Measure processor time of whole commands as multiples of importing PyTorch."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        render(stroke_digits()[[2, 0, 4, 7]], Options(height=60), 0).picture.save(Path(folder, "one.png"))
        Path(folder, "data").symlink_to(here / "data")
        digitrec = ["-m", "digitrec"]
        processor_time([*digitrec, "fit", f"--config={here / FAST}", "--trainer.max_epochs=1"], folder)
        commands = {
            "import torch": TORCH,
            "digitrec --help": [*digitrec, "--help"],
            "digitrec read one.png": [*digitrec, "read", "one.png"],
            "digitrec test": [*digitrec, "test"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, arguments in commands.items():
                seconds[name].append(processor_time(arguments, folder))
    medians = {name: median(times) for name, times in seconds.items()}
    lines = [
        f"Processor time of a whole process, median of {rounds} interleaved rounds; `test` evaluates a "
        f"network of `{FAST}` on 10,000 images; {machine()}.\n",
        "| command | seconds | relative to import torch |\n|---|---|---|",
        *(f"| `{name}` | {t:.2f} | {t / medians['import torch']:.2f} |" for name, t in medians.items()),
    ]
    report("benchmark start", lines, SPEED)


def processor_time(arguments: list[str], folder: str) -> float:
    """Run Python with arguments in a folder; return its user and system time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
