"""Ranges of the arguments of the data."""

import math


def check_range(values: dict[str, float], lowest: float, highest: float) -> None:
    """Refuse an argument of the data that is out of its range, with a ValueError that names it."""
    for name, value in values.items():
        if not lowest <= value <= highest:
            limits = f"at least {lowest}" if highest == math.inf else f"{lowest} to {highest}"
            raise ValueError(f"data.{name} must be {limits}, not {value}")
