"""``python -m digitrec``, and the command ``digitrec``: each command is imported when it is called."""

import os
import signal
import sys
from collections.abc import Sequence

from digitrec import __version__
from digitrec.arguments import suggestion

HELP = """usage: digitrec COMMAND ...

Read handwritten digits in pictures; train the networks that do it.

  read PICTURE...   read the digits in pictures, with the pretrained weights
  web               serve a page to draw digits on, and an API
  export            write a network as an ONNX file
  configs           copy the experiments that come with digitrec into ./configs

  fit               train:  digitrec fit --config configs/mlp.yaml
  validate          validate the best checkpoint of the newest run
  test              test it on the 10,000 test images of MNIST
  predict           write its predictions for the test images, or for pictures
  detector          fit and validate the network that finds the digits of a page

digitrec COMMAND --help has more.  digitrec --version prints the version.
"""

COMMANDS = ("read", "web", "export", "configs", "fit", "validate", "test", "predict", "detector")


def main(args: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0, 1 after a mistake, or what the command says.
    """
    args = list(sys.argv[1:] if args is None else args)
    first = args[0] if args else None
    if first == "--version":
        print(f"digitrec {__version__}")
        return 0
    if first in (None, "-h", "--help"):
        print(HELP, end="")
        return 1 if first is None else 0
    if first not in COMMANDS and not first.startswith("-"):
        message = f"digitrec: there is no command {first}. {suggestion(first, COMMANDS) or 'See --help.'}"
        print(message, file=sys.stderr)
        return 1
    try:
        return _run(first, args)
    except BrokenPipeError:  # what reads the output has ended, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("digitrec: Stopped by SIGINT before the end.", file=sys.stderr)
        return 128 + signal.SIGINT


def _run(command: str, args: list[str]) -> int:
    match command:
        case "read":
            from digitrec.read import main as run
        case "web":
            from digitrec.web.__main__ import main as run
        case "export":
            from digitrec.export.__main__ import main as run
        case "configs":
            from digitrec.configs import main as run
        case _:
            from digitrec.training.compat.startup import import_torchmetrics

            import_torchmetrics()
            from digitrec import cli

            return cli.main(args)
    return run(args[1:])


if __name__ == "__main__":
    sys.exit(main())
