"""Command lines without Lightning: argparse with a suggestion for a word that is not known."""

import argparse
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from digitrec.errors import UsageError


def suggestion(word: str, known: Iterable[str], similarity: float = 0.6) -> str:
    """Return ``Did you mean ...?`` with the known word that is closest; empty if none is close.

    Args:
        word: that is not known.
        known: words.
        similarity: 0 to 1, from which a word is close, as difflib counts it.
    """
    close = get_close_matches(word, list(known), 1, similarity)
    return f"Did you mean {close[0]}?" if close else ""


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and reports a mistake in one sentence with a suggestion."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the message of argparse."""
        see = f"See {self.prog} --help."
        if not (found := re.match(r"unrecognized arguments: (.*)", message)):
            raise UsageError(f"{message}. {see}")
        if not found[1].startswith("-"):
            raise UsageError(f"{found[1]}: to which option does this belong? {see}")
        known = re.findall(r"--[\w-]+", self.format_usage())
        close = suggestion(re.split(r"[=\s]", found[1])[0], known)
        raise UsageError(f"{found[1]}: there is no such option. {close or see}")
