"""Command lines without Lightning: argparse with a suggestion for a word that is not known."""

import argparse
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from io import TextIOWrapper
from typing import NoReturn


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``Did you mean ...?`` with the known word that is closest; empty if none is close."""
    close = get_close_matches(word, list(known), 1)
    return f"Did you mean {close[0]}?" if close else ""


def escape_names() -> None:
    """Let standard output take any file name, also with characters that the terminal has not."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Parser(argparse.ArgumentParser):
    """A parser that suggests an option for one that is not known."""

    def error(self, message: str) -> NoReturn:
        """Print the message with a suggestion, and exit."""
        if found := re.match(r"unrecognized arguments: (--[^\s=]+)", message):
            known = re.findall(r"--[\w-]+", self.format_usage())
            message = f"{message}. {suggestion(found[1], known)}"
        super().error(message)
