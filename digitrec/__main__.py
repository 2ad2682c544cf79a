"""``python -m digitrec``, and the command ``digitrec``."""

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; see ``cli.main``. Imports happen here, so that importing this module is free."""
    from digitrec.training.compat.startup import import_torchmetrics

    import_torchmetrics()
    from digitrec import cli

    return cli.main(args)


if __name__ == "__main__":
    sys.exit(main())
