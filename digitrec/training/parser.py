"""Parsing configs and command lines."""

import json
import textwrap
from argparse import SUPPRESS, Action
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning.pytorch.cli import LightningArgumentParser

from digitrec.models.renames import translate
from digitrec.training.compat.loops import options, parse_given

ALL_HELP = "--help=all"
"""The option that asks for the help of every key, with the classes of torch and Lightning."""

MOST_USED = (
    *("max_epochs", "max_time", "accelerator", "devices", "precision", "logger", "callbacks"),
    *("limit_train_batches", "gradient_clip_val", "fast_dev_run"),
)
"""The keys of the trainer that the short help of a training has."""

MOST_USED_TO_EVALUATE = ("accelerator", "devices", "precision", "logger")
"""Those of the other commands."""

LEFT_OUT = ("help", "weights_only", "verbose", "return_predictions")
"""Keys that the short help has not."""

HELP = {
    "ckpt_path": "a checkpoint: best or last (of the newest run), pretrained, or a FILE",
    "config": "an experiment, such as configs/mlp.yaml; several are merged",
    "print_config": "print the complete config and exit",
    "seed_everything": "the seed of all random numbers; true draws one",
}
"""Texts that replace those of Lightning."""


class ConfigParser(LightningArgumentParser):
    """Lightning's parser with a short help, which also names the config file with a mistake."""

    whole_help = False
    """Whether the help has every key, with the classes of torch and Lightning."""

    def format_help(self, *args: Any) -> str:
        """Return the keys of digitrec and the most used of Lightning; all of them on demand."""
        for key, action in options(self).items():
            action.help = HELP.get(key, action.help)
        if self.whole_help or "trainer.max_epochs" not in options(self):
            text: str = super().format_help(*args).replace("[options] ", "")
            # The others take the model of the checkpoint.
            return text if self.prog.endswith("fit") else text.replace("(required, ", "(")
        return "\n".join(_short_help(self))

    def dump(self, *args: Any, **kwargs: Any) -> str:
        """Return a config as YAML, with the values of enumerations, such as Timer's interval."""
        yaml.SafeDumper.add_multi_representer(Enum, lambda dumper, each: dumper.represent_data(each.value))
        text: str = super().dump(*args, **kwargs)
        return text

    def parse_string(self, content: str, **kwargs: Any) -> Namespace:
        """Parse the content of a config, with names of earlier releases translated."""
        try:
            config = yaml.safe_load(content)
        except yaml.YAMLError:  # reported by the parser
            config = None
        if translate(config) != config:
            content = yaml.safe_dump(translate(config))
        parsed: Namespace = super().parse_string(content, **kwargs)
        return parsed

    def parse_path(self, path: Any, *args: Any, **kwargs: Any) -> Namespace:
        """Parse a config file."""
        try:
            parsed: Namespace = super().parse_path(path, *args, **kwargs)
        except (ArgumentError, TypeError, UnicodeDecodeError) as error:
            raise ArgumentError(None, f"{path}: {error}") from error
        return parsed


def gather(args: Sequence[str], option: str) -> list[str]:
    """Join the values that follow an option into a list, as a shell makes them from a pattern."""
    if option not in args:
        return list(args)
    start = args.index(option) + 1
    values = list(takewhile(lambda arg: not arg.startswith("-"), args[start:]))
    joined = [json.dumps(values)] if len(values) > 1 else values
    return [*args[:start], *joined, *args[start + len(values) :]]


def parse_without_defaults(parser: ArgumentParser, args: list[str]) -> Namespace:
    """Parse what the user's files and command line say themselves, without any default."""
    try:
        return parse_given(parser, args)
    except ArgumentError:
        # A key of a network whose class nobody named: only the checkpoint can tell whether it fits.
        return parse_given(parser, _without_options(args, "--model."))


def _without_options(args: list[str], prefix: str) -> list[str]:
    kept: list[str] = []
    after_option = False
    for arg in args:
        if arg.startswith(prefix):
            after_option = "=" not in arg
        elif after_option:
            after_option = False
        else:
            kept.append(arg)
    return kept


def keys_of_configs(args: Sequence[str]) -> Iterator[str]:
    """Yield the keys of the configs that a command line names, as far as they can be read."""
    for option, value in zip(args, [*args[1:], ""], strict=False):
        path = value if option == "--config" else option.removeprefix("--config=")
        with suppress(OSError, ValueError, yaml.YAMLError):
            yield from _keys("", yaml.safe_load(Path(path).read_text()))


def _keys(prefix: str, content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield f"{prefix}{key}"
            yield from _keys(f"{prefix}{key}.", value)


def _short_help(parser: ArgumentParser) -> Iterator[str]:
    """Yield the lines of the short help: the most used keys of the trainer, and all others.

    A training begins with the model. The other commands take the model of the checkpoint.
    """
    command = parser.prog.replace(" [options]", "")
    yield f"usage: {command} [--config FILE] [--KEY VALUE ...]"
    known, trains = options(parser), command.endswith("fit")
    shown = [key for key in known if key.rpartition(".")[2] not in LEFT_OUT]
    shown = [key for key in shown if not any(each.startswith(f"{key}.") for each in shown)]  # no groups
    shown.sort(key=lambda key: key != "ckpt_path")
    groups = dict.fromkeys(["model" if trains else "", "data", "trainer"])
    groups |= dict.fromkeys(key.rpartition(".")[0] for key in shown if trains or not key.startswith("model"))
    for group in groups:
        keys = [key for key in shown if key.rpartition(".")[0] == group]
        if group == "trainer":
            keys = [f"trainer.{name}" for name in (MOST_USED if trains else MOST_USED_TO_EVALUATE)]
        yield f"\n{group or 'run'}:"
        yield from _lines({key: known[key] for key in keys})
    yield f"\nEvery key can also stand in a config. {command} {ALL_HELP} lists all keys with their"
    yield f"types and classes{_CLASS_HELP.format(command) if trains else '.'}\n"


_CLASS_HELP = "; {} --model.network.help CLASS lists the arguments of a class."


def _lines(keys: dict[str, Action]) -> Iterator[str]:
    for key, action in keys.items():
        text = " ".join((action.help or "").split()).partition(". ")[0].replace("``", "").rstrip(".")
        default = action.default
        if isinstance(default, bool | int | float | str) and default != SUPPRESS:
            text = f"{text} (default: {json.dumps(default)})"
        yield from textwrap.wrap(f"--{key:<31} {text}", 110, initial_indent="  ", subsequent_indent=" " * 36)
