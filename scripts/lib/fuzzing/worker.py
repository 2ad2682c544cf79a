"""Process that reads pictures for the fuzz run: ``python -m scripts.lib.fuzzing.worker [--onnx]``."""

import json
import re
import select
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from digitrec.errors import PictureError
from digitrec.models.pretrained import PRETRAINED_ONNX
from digitrec.reading.onnx_networks import onnx_reader
from digitrec.reading.pictures import loading
from digitrec.reading.reader import Reader

SECONDS = 120.0
"""Time limit for one file on a machine that does other things, too."""


def read(path: Path, reader: Reader) -> str:
    """Load a picture and read it.

    Returns:
        ``read``; ``refused`` if the message is one sentence; else the message or the traceback.
    """
    try:
        page = loading.load(path)
        assert page.pixels.dtype == np.uint8
        assert page.pixels.ndim == 2
        assert 0 < page.pixels.size <= 4_000_000
        assert page.scale >= 1
        for digit in reader.read_page(page).digits:
            assert digit.image.shape == (28, 28)
            assert 0 <= digit.confidence <= 1
    except PictureError as refusal:
        sentence = str(refusal)
        valid = (
            sentence.isprintable()
            and path.name in sentence
            and sentence.endswith(".")
            and len(sentence) < 500
        )
        return "refused" if valid else f"not a sentence: {sentence}"
    except Exception:
        return traceback.format_exc()
    return "read"


def peak_memory() -> float:
    """Return the peak of resident memory in MB; 0 if the system is not Linux."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def serve(onnx: bool) -> None:
    """Read paths from standard input, a line each; write outcome, growth of memory and CPU time as JSON.

    Args:
        onnx: read with ONNX Runtime, as the web server does, and not with PyTorch.
    """
    warnings.simplefilter("error")
    Image.init()
    loading.load(np.zeros((1, 1), np.uint8))
    reader = onnx_reader(PRETRAINED_ONNX) if onnx else Reader.pretrained()
    baseline = peak_memory()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.process_time()
        outcome = read(Path(line.rstrip("\n")), reader)
        seconds = time.process_time() - start
        print(json.dumps([outcome, peak_memory() - baseline, seconds]), flush=True)


class Worker:
    """A process that reads files, so that a hang or a crash does not end the run; see ``serve``."""

    def __init__(self, onnx: bool = False) -> None:
        command = [sys.executable, "-m", "scripts.lib.fuzzing.worker", *(["--onnx"] if onnx else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # not part of the time of the first file

    def ask(self, path: Path) -> tuple[str, float, float]:
        """Return the outcome for a file, the peak growth of memory so far in MB, and the seconds of CPU."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(path, file=self.process.stdin, flush=True)
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        if not ready:
            return f"hang: more than {SECONDS:.0f} s", 0.0, SECONDS
        answer = self.process.stdout.readline()
        if not answer:
            return f"crash: exit status {self.process.wait()}", 0.0, 0.0
        outcome, megabytes, seconds = json.loads(answer)
        return outcome, megabytes, seconds

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    serve("--onnx" in sys.argv)
