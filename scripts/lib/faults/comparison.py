"""Comparison of two runs, bit for bit."""

from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def load(run: Path, file: str, part: str) -> Any:
    """Return the weights of a checkpoint, or everything else in it.

    Args:
        run: the run folder.
        file: ``last`` or ``best``.
        part: ``weights`` or ``rest``.
    """
    content = torch.load(run / "checkpoints" / f"{file}.ckpt", weights_only=True)
    weights = content.pop("state_dict")
    for state in content["callbacks"].values():
        state.pop("current_score", None)  # Lightning writes it and never reads it
    return weights if part == "weights" else content


def same(one: Any, other: Any) -> bool:
    """Return whether two parts of checkpoints are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the points of the curves of a run: for each tag (step, value)."""
    events = EventAccumulator(str(run))
    events.Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def equal_parts(run: Path, reference: Path) -> dict[str, bool]:
    """Return whether a run equals another in weights, rest of the checkpoints, curves and config."""
    equal = {
        part: all(same(load(run, file, part), load(reference, file, part)) for file in ("last", "best"))
        for part in ("weights", "rest")
    }
    equal["curves"] = curves(run) == curves(reference)
    config = (run / "config.yaml").read_text() == (reference / "config.yaml").read_text()
    equal["config, folder"] = config and [path.name for path in run.parent.iterdir()] == [run.name]
    return equal
