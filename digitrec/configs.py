"""Copy the configs that come with digitrec into a new folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from digitrec.arguments import Parser
from digitrec.errors import DigitrecError
from digitrec.exit_status import reporting

PACKAGE = Path(__file__).parent
SHIPPED = next(path for path in (PACKAGE / "_configs", PACKAGE.parent / "configs") if path.is_dir())
"""In a wheel the configs are in the package; otherwise they are in the clone, beside it."""


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Run ``digitrec configs``.

    Raises:
        DigitrecError: the folder exists.
        OSError: it cannot be written.
    """
    parser = Parser(prog="digitrec configs", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("configs"), help="default: configs")
    folder = parser.parse_args(args).folder
    try:
        shutil.copytree(SHIPPED, folder)
    except FileExistsError as error:
        raise DigitrecError(f"{folder} exists: name another folder.") from error
    print(f"Written: {folder}. Train with: digitrec fit --config {folder}/fast.yaml")
    return 0
