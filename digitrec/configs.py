"""Copy the experiments that come with digitrec into a new folder."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from digitrec.arguments import Parser
from digitrec.errors import sentence

PACKAGE = Path(__file__).parent
SHIPPED = next(path for path in (PACKAGE / "_configs", PACKAGE.parent / "configs") if path.is_dir())
"""In a wheel the configs are in the package; otherwise they are in the clone, beside it."""


def main(args: Sequence[str] | None = None) -> int:
    """Run ``digitrec configs``; the exit status is 1 if the folder exists or cannot be written."""
    parser = Parser(prog="digitrec configs", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("configs"), help="default: configs")
    folder = parser.parse_args(args).folder
    try:
        shutil.copytree(SHIPPED, folder)
    except FileExistsError:
        print(f"digitrec: {folder} exists: name another folder.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"digitrec: {sentence(error)}", file=sys.stderr)
        return 1
    print(f"Written: {folder}. Train with: digitrec fit --config {folder}/fast.yaml")
    return 0
