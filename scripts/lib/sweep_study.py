"""Studies that several workers share: their trials taken one by one, taken over from the dead, shown."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, Trial, TrialState
except ModuleNotFoundError as error:
    raise SystemExit(f"sweep: {error.name} is missing: pip install -e '.[sweep]'") from error

STALE = 3600.0
"""Seconds without a sign of life after which a trial on another machine is taken for dead."""


def best_epoch(trial: FrozenTrial) -> float:
    """The val/acc of best.ckpt."""
    return max(trial.intermediate_values.values())


def begun(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count: finished, given up or running."""
    return study.get_trials(
        deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    )


def take_over(study: optuna.Study) -> None:
    """Queue again what workers had begun that are no longer there."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if is_alive(trial):
            continue
        with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):  # another worker was faster
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
            print(f"trial {trial.number}: its worker is gone, so it is tried again", flush=True)


def is_alive(trial: FrozenTrial) -> bool:
    """Whether the worker of a running trial is there: on this machine its process, else its last sign."""
    host, process = trial.user_attrs.get("worker", ("", 0))
    if host == socket.gethostname():
        with suppress(PermissionError):  # it is there, and another user's
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return False
        return True
    started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    alive: float = trial.user_attrs.get("alive", started)
    return time.time() - alive < STALE


def next_trial(study: optuna.Study, distributions: dict[str, Any], trials: int) -> Trial | None:
    """Take the next trial, unless the study has as many as it shall have."""
    take_over(study)
    if len(begun(study)) >= trials:
        return None
    trial = study.ask(distributions)
    trial.set_user_attr("worker", [socket.gethostname(), os.getpid()])
    # Another worker may have asked in the same moment: the one that came later gives way.
    if [other.number for other in begun(study)].index(trial.number) >= trials:
        study.tell(trial, state=TrialState.FAIL)
        return None
    return trial


def open_study(name: str, where: str, space: dict[str, Any]) -> optuna.Study:
    """Open a study, or begin it.

    Args:
        name: one storage may hold several studies.
        where: a journal file, or a URL.
        space: what the sweep's file says; the study remembers it.

    Raises:
        ValueError: it cannot be opened, or was begun with another space.
    """
    try:
        if "://" not in where:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=where if "://" in where else JournalStorage(JournalFileBackend(where)),
            sampler=optuna.samplers.TPESampler(constant_liar=True),  # so that workers don't try the same
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
    except Exception as error:  # of whatever database
        raise ValueError(f"the storage {where} cannot be opened: {str(error).splitlines()[0]}") from error
    if study.user_attrs.get("space", space) != space:
        raise ValueError(
            f"the study {name} in {where} was begun with another search: give --study a new name."
        )
    study.set_user_attr("space", space)
    return study


def row(trial: FrozenTrial, keys: list[str]) -> list[str]:
    """A trial in words: its number, what was varied, its epochs, its val/acc in percent."""
    values = [trial.params.get(key) for key in keys]
    given_up = ", given up" if trial.state == TrialState.PRUNED else ""
    return [
        str(trial.number),
        *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values),
        f"{len(trial.intermediate_values)}{given_up}",
        f"{100 * best_epoch(trial):.2f}" if trial.intermediate_values else "-",
    ]


def table(study: optuna.Study) -> str:
    """The trials as Markdown, the best first."""
    trials = sorted(begun(study), key=lambda trial: -best_epoch(trial) if trial.intermediate_values else 0)
    keys = list(study.user_attrs["space"]["search"])
    header = ["trial", *(key.rpartition(".")[2] for key in keys), "epochs", "val/acc (%)"]
    states = [trial.state for trial in trials]
    workers = {tuple(trial.user_attrs["worker"]) for trial in trials}
    lines = [
        f"{len(trials)} trials, {states.count(TrialState.COMPLETE)} finished and "
        f"{states.count(TrialState.PRUNED)} given up; {len(workers)} worker processes.\n",
        *(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header))),
        *(f"| {' | '.join(row(trial, keys))} |" for trial in trials),
    ]
    return "\n".join(lines)
