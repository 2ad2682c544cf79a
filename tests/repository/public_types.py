"""The types of the public API, checked by mypy: a type checker must not see Any."""

from typing import assert_type

import digitrec


def read(path: str) -> None:
    """Use the public names as a user does."""
    reading = digitrec.Reader.pretrained().read(path)
    assert_type(reading, digitrec.Reading)
    assert_type(reading.digits[0], digitrec.Digit)
    assert_type(reading.digits[0].confidence, float)
    assert_type(digitrec.__version__, str)
    assert_type(digitrec.MLP(hidden=(1,)), digitrec.MLP)
