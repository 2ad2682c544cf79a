"""``python -m digitrec``, and the command ``digitrec``: each command is imported when it is called."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from digitrec import __version__
from digitrec.arguments import suggestion
from digitrec.errors import UsageError
from digitrec.exit_status import reporting

TRAINING = "digitrec.cli"
"""The module of the commands that use Lightning; its ``main`` takes the name of the command, too."""


class Command(NamedTuple):
    """The module whose ``main`` is the command, and its line in the help."""

    module: str
    does: str
    arguments: str = ""


COMMANDS = {
    "read": Command("digitrec.read", "read the digits in pictures, with pretrained weights", "PICTURE..."),
    "web": Command("digitrec.web.__main__", "serve a page to draw digits on, and an API"),
    "export": Command("digitrec.export.__main__", "write a network as an ONNX file"),
    "configs": Command("digitrec.configs", "copy the configs that come with digitrec to ./configs"),
    "fit": Command(TRAINING, "train a network: digitrec fit --config configs/fast.yaml"),
    "validate": Command(TRAINING, "evaluate the newest run on the images that its training held out"),
    "test": Command(TRAINING, "evaluate the newest run on the 10,000 test images of MNIST"),
    "predict": Command(TRAINING, "write the newest run's predictions for the test images or for pictures"),
    "detector": Command(TRAINING, "fit or validate the network that finds digits on a page", "COMMAND"),
}


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status, as exit_status.py lists them.
    """
    args = list(sys.argv[1:] if args is None else args)
    name = args[0] if args else None
    if name == "--version":
        print(f"digitrec {__version__}")
        return 0
    if name is None or name in ("-h", "--help"):
        print(_help())
        return 2 if name is None else 0
    if name.startswith("-"):
        raise UsageError(f"{name}: the name of a command comes first. See digitrec --help.")
    if name not in COMMANDS:
        message = suggestion(name, COMMANDS) or "See digitrec --help."
        raise UsageError(f"There is no command {name}. {message}")
    module = COMMANDS[name].module
    if module == TRAINING:
        from digitrec.training.compat.startup import import_torchmetrics

        import_torchmetrics()
    status: int = import_module(module).main(args if module == TRAINING else args[1:])
    return status


def _help() -> str:
    lines = [f"  {name} {each.arguments}".ljust(20) + each.does for name, each in COMMANDS.items()]
    return "\n".join(
        [
            "usage: digitrec COMMAND ...",
            "",
            "Read handwritten digits in pictures, and train the networks that do it.",
            "",
            *lines,
            "",
            "digitrec COMMAND --help lists the options of a command.",
            "digitrec --version prints the version.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
