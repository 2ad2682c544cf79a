"""Finding the checkpoint of a run where no file is named; no Lightning."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import PRETRAINED, foreign_names, is_detector, read_checkpoint
from digitrec.models.detector_weights import PRETRAINED_DETECTOR
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

    def counts(model: dict[str, Any]) -> bool:
        return is_detector(model) == detector and matches(model)

    unsaved = None
    for run in _runs(folders):
        best, last = run / "best.ckpt", run / "last.ckpt"
        path = best if best.exists() else last
        if not path.exists():
            if unsaved is None and _trains(run.parent / "config.yaml", counts):
                unsaved = run.parent
            continue
        checkpoint = read_checkpoint(path)
        if not counts(checkpoint["hyper_parameters"]):
            continue
        if unsaved and which:
            raise _nothing_saved(unsaved, last if which == "last" and last.exists() else path)
        if unsaved:
            print(f"The newest run, {unsaved}, has no checkpoint: an older one is taken.")
        return _choose(which, run, checkpoint)
    if unsaved:
        raise _nothing_saved(unsaved, None)
    return None


def _choose(which: str | None, run: Path, checkpoint: dict[str, Any]) -> Path:
    """Choose between the checkpoints of a run, of which one exists."""
    best, last = run / "best.ckpt", run / "last.ckpt"
    if which == "best" and not best.exists():
        reason = (
            "stopped before its first validation"
            if checkpoint["datamodule_hyper_parameters"].get("val_size")
            else "trained without validation images (data.val_size 0), so its last epoch is the result"
        )
        raise CheckpointError(
            f"The newest run, {run}, has no best checkpoint: it was {reason}. Use --ckpt_path last."
        )
    if which == "last" and not last.exists():
        raise CheckpointError(f"The newest run, {run}, has no last checkpoint. Use --ckpt_path best.")
    return last if which == "last" or not best.exists() else best


def _runs(folders: Sequence[Path]) -> list[Path]:
    """Return the folders of checkpoints, the newest first, also of runs that have none yet."""
    newest: dict[Path, float] = {}
    for folder in folders:
        for path in [*folder.rglob("best.ckpt"), *folder.rglob("last.ckpt")]:
            newest[path.parent] = max(newest.get(path.parent, 0.0), path.stat().st_mtime)
    for folder in folders:
        for path in folder.rglob("config.yaml"):
            newest.setdefault(path.parent / "checkpoints", path.stat().st_mtime)
    return sorted(newest, key=lambda run: newest[run], reverse=True)


def _trains(config: Path, matches: Callable[[dict[str, Any]], bool]) -> bool:
    """Return whether a run's config is that of a training with a model that matches."""
    try:
        content = yaml.safe_load(config.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return False
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
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
