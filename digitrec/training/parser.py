"""Parsing configs and command lines."""

from enum import Enum
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning.pytorch.cli import LightningArgumentParser

from digitrec.models.renames import translate
from digitrec.training.compat.loops import parse_given


class ConfigParser(LightningArgumentParser):
    """Lightning's parser, which also names the config file with a mistake."""

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
