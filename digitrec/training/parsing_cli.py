"""ParsingCLI: LightningCLI with the keys, the help and the suggestions of digitrec."""

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from jsonargparse import ArgumentError
from jsonargparse.typing import PositiveInt
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from digitrec.models.renames import translate_argument
from digitrec.training.callbacks import RunConfig
from digitrec.training.compat.loops import options, subcommand_parsers
from digitrec.training.messages import hint
from digitrec.training.optimization import OptimizedModule
from digitrec.training.parser import ALL_HELP, ConfigParser, gather, keys_of_configs
from digitrec.training.runs.matching import LOGGER


class ParsingCLI(LightningCLI):
    """The parser of one kind of training.

    Args:
        args: the arguments after the program's name; None takes those of the command line.

    Raises:
        ArgumentError: a mistake of the user.
    """

    kind: ClassVar[tuple[type[OptimizedModule], type[LightningDataModule]]]
    """The LightningModule and the LightningDataModule."""

    callbacks: ClassVar[dict[str, tuple[type[Callback], ...]]]
    """The callbacks of each subcommand that is offered, in this order and before those of the config."""

    configured: ClassVar[dict[str, type[Callback]]] = {}
    """Those of the callbacks that have arguments, by the key of these."""

    parser_texts: ClassVar[dict[str, str]] = {}
    """``prog`` and ``description`` of the parser."""

    def __init__(self, args: Sequence[str] | None = None) -> None:
        args = list(sys.argv[1:] if args is None else args)
        self._first = args[0] if args else None
        self._whole_help = ALL_HELP in args
        strict = {"exit_on_error": False, "allow_abbrev": False}  # cli.main reports what is raised
        super().__init__(
            *self.kind,
            args=["--help" if arg == ALL_HELP else arg for arg in args],
            auto_configure_optimizers=False,
            seed_everything_default=1,
            # Lightning's summary counts no FLOPs here; Progress prints the number of parameters.
            trainer_defaults={"logger": LOGGER, "enable_model_summary": False},
            save_config_callback=RunConfig,
            parser_class=ConfigParser,
            parser_kwargs={
                **strict,
                **self.parser_texts,
                **{name: dict(strict) for name in self.subcommands()},
            },
        )

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Build a parser, with the help that is asked for."""
        parser = super().init_parser(**kwargs)
        assert isinstance(parser, ConfigParser)
        parser.whole_help = self._whole_help
        return parser

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # Lightning's is static
        """Return the subcommand that is asked for, or all: the parser of each takes a tenth of a second."""
        known = LightningCLI.subcommands()
        names = [self._first] if self._first in self.callbacks else self.callbacks
        return {name: known[name] for name in names}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the number of threads, and the arguments of the callbacks that have any."""
        text = "PyTorch's threads on the CPU; a second one slows a small network when other programs run"
        parser.add_argument("--threads", type=PositiveInt | Literal["all"], default=1, help=text)
        text = "the name of the run, which is that of its folder; version_0, version_1 and so on without one"
        parser.add_argument("--name", type=str | None, help=text)
        for key, callback in self.configured.items():
            parser.add_class_arguments(callback, key)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and suggest what was meant by a key that does not exist."""
        args = gather([translate_argument(argument) for argument in args], "--data.pictures")
        try:
            for subparser in subcommand_parsers(self).values():
                if "verbose" in options(subparser):
                    subparser.set_defaults({"verbose": False})  # Progress prints the metrics
            self.parse(parser, args)
        except ArgumentError as error:
            used = subcommand_parsers(self).get(self._first or "", parser)
            command = used.prog.replace(" [options]", "")
            error.add_note(hint(error, [*options(used), *keys_of_configs(args)], command))
            raise

    def parse(self, parser: LightningArgumentParser, args: list[str]) -> None:
        """Parse the arguments into ``config``."""
        self.config = parser.parse_args(args)
