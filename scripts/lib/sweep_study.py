"""The Optuna study of a sweep, shared by several workers: storage, the next trial, repeated trials, table."""

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
    from optuna.trial import FrozenTrial, Trial, TrialState
except ModuleNotFoundError as error:
    raise SystemExit(f"sweep: {error.name} is missing: pip install -e '.[sweep]'") from error

STALE = 3600.0
"""Seconds without a heartbeat after which a worker on another machine counts as dead."""


def best_epoch(trial: FrozenTrial) -> float:
    """Return the val/acc of best.ckpt, 0 to 1."""
    return max(trial.intermediate_values.values())


def started(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count: finished, pruned or running."""
    return study.get_trials(
        deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    )


def requeue_dead(study: optuna.Study) -> None:
    """Queue the trials of dead workers again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if is_alive(trial):
            continue
        with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):  # another worker was faster
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
            print(f"trial {trial.number}: its worker is gone, so it is repeated", flush=True)


def is_alive(trial: FrozenTrial) -> bool:
    """Return whether the worker of a running trial is alive, by its process or its heartbeat."""
    host, process = trial.user_attrs.get("worker", ("", 0))
    if host == socket.gethostname():
        with suppress(PermissionError):  # the process exists and belongs to another user
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return False
        return True
    began = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    alive: float = trial.user_attrs.get("alive", began)
    return time.time() - alive < STALE


def next_trial(study: optuna.Study, distributions: dict[str, Any], trials: int) -> Trial | None:
    """Return the next trial, or None if the study has enough."""
    requeue_dead(study)
    if len(started(study)) >= trials:
        return None
    trial = study.ask(distributions)
    trial.set_user_attr("worker", [socket.gethostname(), os.getpid()])
    # Another worker may have asked at the same time: the later one withdraws.
    if [other.number for other in started(study)].index(trial.number) >= trials:
        study.tell(trial, state=TrialState.FAIL)
        return None
    return trial


def open_study(name: str, where: str, space: dict[str, Any]) -> optuna.Study:
    """Open a study or create it.

    Args:
        name: one storage may hold several studies.
        where: a journal file or a URL.
        space: the search space, which is stored in the study.

    Raises:
        ValueError: it cannot be opened, or has another search space.
    """
    try:
        if "://" not in where:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            _repair(Path(where))
        study = optuna.create_study(
            storage=where if "://" in where else JournalStorage(JournalFileBackend(where)),
            sampler=optuna.samplers.TPESampler(constant_liar=True),  # workers try different values
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
    except Exception as error:  # of any database
        raise ValueError(f"the storage {where} cannot be opened: {str(error).splitlines()[0]}") from error
    if study.user_attrs.get("space", space) != space:
        raise ValueError(f"the study {name} in {where} has another search space: give --study a new name.")
    study.set_user_attr("space", space)
    return study


def _repair(journal: Path) -> None:
    """Drop the last line of a journal if a kill or a full disk has cut it: Optuna would refuse the whole."""
    if not journal.exists():
        return
    lock = JournalFileSymlinkLock(str(journal))
    lock.acquire()
    try:
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(journal, whole)
            print(f"sweep: the last line of {journal} was cut, so it is dropped.", file=sys.stderr)
    finally:
        lock.release()


def row(trial: FrozenTrial, keys: list[str]) -> list[str]:
    """Return the cells of a trial: number, varied values, epochs, val/acc in percent."""
    values = [trial.params.get(key) for key in keys]
    pruned = ", pruned" if trial.state == TrialState.PRUNED else ""
    return [
        str(trial.number),
        *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values),
        f"{len(trial.intermediate_values)}{pruned}",
        f"{100 * best_epoch(trial):.2f}" if trial.intermediate_values else "-",
    ]


def table(study: optuna.Study) -> str:
    """Return the trials as Markdown, the best first."""
    trials = sorted(started(study), key=lambda trial: -best_epoch(trial) if trial.intermediate_values else 0)
    keys = list(study.user_attrs["space"]["search"])
    header = ["trial", *(key.rpartition(".")[2] for key in keys), "epochs", "val/acc (%)"]
    states = [trial.state for trial in trials]
    workers = {tuple(trial.user_attrs["worker"]) for trial in trials}
    lines = [
        f"{len(trials)} trials, {states.count(TrialState.COMPLETE)} finished and "
        f"{states.count(TrialState.PRUNED)} pruned; {len(workers)} worker processes.\n",
        *(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header))),
        *(f"| {' | '.join(row(trial, keys))} |" for trial in trials),
    ]
    return "\n".join(lines)
