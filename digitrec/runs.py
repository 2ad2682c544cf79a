"""Finding the checkpoint of a run where no file is named; no Lightning."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from digitrec.errors import CheckpointError
from digitrec.models.pretrained import PRETRAINED, PRETRAINED_DETECTOR
from digitrec.models.renames import translate


def named_checkpoint(which: str, folder: Path = Path("lightning_logs"), detector: bool = False) -> Path:
    """Find a checkpoint by a word or a file name.

    Args:
        which: ``pretrained``, ``best`` or ``last`` of the newest run, or a file.
        folder: where runs are kept.
        detector: whether it is one of the page detector; otherwise of the classifier.

    Raises:
        CheckpointError: there is no run, or the newest has no such checkpoint.
    """
    if which not in ("best", "last"):
        pretrained = PRETRAINED_DETECTOR if detector else PRETRAINED
        return pretrained if which == "pretrained" else Path(which)
    found = find_checkpoint(which, [folder], detector=detector)
    if found is None:
        raise CheckpointError(f"There is no trained run in {folder}: give a file, or pretrained.")
    return found


def find_checkpoint(
    which: str | None,
    folders: Sequence[Path],
    matches: Callable[[dict[str, Any]], bool] = lambda _: True,
    detector: bool = False,
) -> Path | None:
    """Find a checkpoint of the newest run under some folders.

    Args:
        which: ``best`` or ``last``; None takes the best, or the last of a run without validation images. Only
            None skips a newer training that has no checkpoint yet, with a line that says so.
        folders: where runs are kept, at any depth.
        matches: is called with the hyperparameters of a run's model and says whether the run counts.
        detector: whether runs of the page detector count; otherwise those of the classifier do.

    Returns:
        The file, or None if no run matches.

    Raises:
        CheckpointError: the newest run that matches has no such checkpoint; or one cannot be read.
    """
    from digitrec.models.checkpoints import (  # with PyTorch, which a word needs not
        is_detector,
        read_checkpoint,
    )

    def counts(model: dict[str, Any]) -> bool:
        return is_detector(model) == detector and matches(model)

    unsaved = None
    for run, files in _runs(folders):
        if not files:
            if unsaved is None and _trains(run / "config.yaml", counts):
                unsaved = run
            continue
        checkpoint = read_checkpoint(files[-1])
        if not counts(checkpoint["hyper_parameters"]):
            continue
        best = _best(files, checkpoint)
        last = next((path for path in files if path.name == "last.ckpt"), files[-1])
        path = last if which == "last" or best is None else best
        if unsaved and which:
            raise _nothing_saved(unsaved, path)
        if unsaved:
            print(f"The newest run, {unsaved}, has no checkpoint: an older one is taken.")
        else:
            _check(which, run, best, last, checkpoint)
        return path
    if unsaved:
        raise _nothing_saved(unsaved, None)
    return None


def _best(files: list[Path], checkpoint: dict[str, Any]) -> Path | None:
    """Return the file that a ModelCheckpoint with a monitor calls the best, wherever it is.

    Args:
        files: of a run.
        checkpoint: the newest of them.
    """
    names = {path.name: path for path in files}
    if "best.ckpt" in names:
        return names["best.ckpt"]
    for state in checkpoint.get("callbacks", {}).values():
        if isinstance(state, dict) and state.get("monitor") and state.get("best_model_path"):
            path = Path(state["best_model_path"])
            if path.name in names or path.is_file():
                return names.get(path.name, path)
    return None


def _check(which: str | None, run: Path, best: Path | None, last: Path, checkpoint: dict[str, Any]) -> None:
    """Refuse the best or last checkpoint of a run that has none."""
    if which == "best" and best is None:
        reason = (
            "stopped before its first validation, or no ModelCheckpoint with a monitor saves one"
            if checkpoint["datamodule_hyper_parameters"].get("val_size")
            else "trained without validation images (data.val_size 0), so its last epoch is the result"
        )
        raise CheckpointError(
            f"The newest run, {run}, has no best checkpoint: it was {reason}. Use --ckpt_path last."
        )
    if which == "last" and last == best:
        raise CheckpointError(f"The newest run, {run}, has no last checkpoint. Use --ckpt_path best.")


def _runs(folders: Sequence[Path]) -> list[tuple[Path, list[Path]]]:
    """Return the runs with their checkpoints in the order of writing, the newest run first."""
    runs: dict[Path, set[Path]] = {}
    for folder in folders:
        for path in folder.rglob("*.ckpt"):
            # A metric in the name of a checkpoint, such as val/acc, makes folders.
            run = next((each.parent for each in path.parents if each.name == "checkpoints"), path.parent)
            runs.setdefault(run, set()).add(path)
        for path in folder.rglob("config.yaml"):
            runs.setdefault(path.parent, set()).update(_elsewhere(path))
    written = [(run, sorted(files, key=_time)) for run, files in runs.items()]
    return sorted(written, key=lambda each: _time((each[1] or [each[0] / "config.yaml"])[-1]), reverse=True)


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _elsewhere(config: Path) -> list[Path]:
    """Return the checkpoints that a run has written into the ``dirpath`` of a ModelCheckpoint."""
    if not re.search(r"dirpath: (?!null)", config.read_text(errors="replace")):  # parsing it takes longer
        return []
    callbacks = (_content(config).get("trainer") or {}).get("callbacks")
    given = [callbacks] if isinstance(callbacks, dict) else callbacks if isinstance(callbacks, list) else []
    arguments = [each.get("init_args") or {} for each in given if isinstance(each, dict)]
    places = [Path(each["dirpath"]).expanduser() for each in arguments if each.get("dirpath")]
    return [path for place in places for path in place.rglob("*.ckpt") if _time(path) >= _time(config)]


def _content(config: Path) -> dict[str, Any]:
    """Return a run's config; an empty one if it cannot be read."""
    try:
        content = yaml.safe_load(config.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _trains(config: Path, matches: Callable[[dict[str, Any]], bool]) -> bool:
    """Return whether a run's config is that of a training with a model that matches."""
    from digitrec.models.checkpoints import foreign_names

    content = _content(config)
    if not isinstance(content.get("model"), dict):
        return False
    evaluates = {"verbose", "return_predictions"} & content.keys()  # as test, validate and predict have
    model = translate(content["model"], "model")
    return not evaluates and not any(foreign_names(model, {})) and matches(model)


def _nothing_saved(run: Path, older: Path | None) -> CheckpointError:
    instead = f", or name the older run's checkpoint: --ckpt_path {older}" if older else ""
    return CheckpointError(
        f"The newest run, {run}, has no checkpoint: it was stopped before its first, or has only begun, so "
        f"nothing can go on from it. Fit again without --ckpt_path{instead}."
    )
