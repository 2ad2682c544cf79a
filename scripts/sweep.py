"""Search for a better config with Optuna: what to vary stands in a file, trials are judged by val/acc.

python -m scripts.sweep configs/sweeps/fast.yaml --trials 20            in two terminals: two workers
python -m scripts.sweep configs/sweeps/fast.yaml --trials 20 --write    the table into docs/experiments.md

All workers of a study share its storage: a journal file, which may lie on a network file system, or what
else Optuna takes by URL. Started again, a sweep goes on: --trials counts those of the whole study, and what
a killed worker had begun is tried again. A trial that is below the median of the others after as many epochs
is given up. The best config is written whole, for `fit`.
"""

import argparse
import io
import json
import logging
import sys
import time
import warnings
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary, ProgressBar

from digitrec.cli import DigitCLI
from digitrec.errors import CheckpointError, DivergedError, MNISTUnavailableError, RunStoppedError, sentence
from digitrec.files import replacing
from digitrec.training.messages import ignore_warnings, plain_message
from scripts.lib.docs import write_section
from scripts.lib.sweep_study import begun, best_epoch, next_trial, open_study, row, table

# isort: split
import optuna  # after studies, which says so where it is missing
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial, TrialState

RUNS = Path("lightning_logs/sweeps")
MISTAKES = (ArgumentError, CheckpointError, MisconfigurationException, MNISTUnavailableError, OSError)


class Space(NamedTuple):
    """What a sweep's file says: the experiment, keys that all trials share, and what is varied."""

    config: str
    fixed: dict[str, Any]
    search: dict[str, Any]

    def arguments(self, params: dict[str, Any]) -> list[str]:
        """Say a trial as `fit` takes it."""
        values = {**self.fixed, **params}
        return ["fit", f"--config={self.config}", *(f"--{key}={json.dumps(values[key])}" for key in values)]


def read_space(path: Path) -> Space:
    """Read a sweep's file.

    Raises:
        ValueError: it is no such file; the message is for the user.
    """
    try:
        content = yaml.safe_load(path.read_text())
        space = Space(content["config"], content.get("fixed") or {}, content["search"])
        distributions(space)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: the YAML is broken: {' '.join(str(error).split())}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} needs `config` and `search`, as configs/sweeps/fast.yaml has them."
        ) from error
    return space


def distributions(space: Space) -> dict[str, Any]:
    """What Optuna draws from, by key."""
    found: dict[str, Any] = {}
    for key, values in space.search.items():
        try:
            if isinstance(values, list):
                found[key] = CategoricalDistribution(values)
            else:
                whole = isinstance(values["low"], int) and isinstance(values["high"], int)
                found[key] = (IntDistribution if whole else FloatDistribution)(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"search: {key} needs a list, or low and high and perhaps log: {error}."
            ) from error
    return found


class Judge(Callback):
    """Report each epoch's val/acc, which is also a sign of life, and give a hopeless trial up."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self.trial.report(float(trainer.callback_metrics["val/acc"]), trainer.current_epoch)
        self.trial.set_user_attr("alive", time.time())
        if self.trial.should_prune():
            raise optuna.TrialPruned


class TrialCLI(DigitCLI):
    """DigitCLI that is judged, and silent."""

    def __init__(self, args: list[str], judge: Judge) -> None:
        self.judge = judge
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        talkative = ProgressBar, ModelSummary
        trainer.callbacks[:] = [c for c in trainer.callbacks if not isinstance(c, talkative)]
        trainer.callbacks.append(self.judge)
        return trainer


def run_trial(study: optuna.Study, trial: Trial, space: Space) -> None:
    """Train and judge one trial."""
    folder = [f"--trainer.logger.init_args.name={RUNS / study.study_name}"]
    folder.append(f"--trainer.logger.init_args.version=trial_{trial.number}")
    try:
        TrialCLI([*space.arguments(trial.params), *folder], Judge(trial))
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except DivergedError as error:
        print(f"trial {trial.number}: {error}")
        study.tell(trial, state=TrialState.PRUNED)  # the sampler takes it for the worse the earlier it was
    except BaseException as error:
        study.tell(trial, state=TrialState.FAIL)
        if not isinstance(error, MISTAKES):
            study.enqueue_trial(trial.params)
        raise
    else:
        study.tell(trial, best_epoch(study.trials[trial.number]))


def best_config(study: optuna.Study, space: Space) -> str:
    """The best trial's config, whole."""
    with redirect_stdout(io.StringIO()) as text, suppress(SystemExit):
        DigitCLI([*space.arguments(study.best_trial.params), "--print_config"])
    return (
        f"# The best of {len(begun(study))} trials of scripts/sweep.py, by val/acc: {study.best_value:.2%}.\n"
        + text.getvalue()
    )


def work(study: optuna.Study, space: Space, trials: int) -> None:
    """Run trials until the study has enough."""
    keys = list(space.search)
    while (trial := next_trial(study, distributions(space), trials)) is not None:
        run_trial(study, trial, space)
        _, *values, epochs, accuracy = row(study.trials[trial.number], keys)
        varied = ", ".join(
            f"{key.rpartition('.')[2]} {value}" for key, value in zip(keys, values, strict=True)
        )
        print(f"trial {trial.number}: {accuracy} % (epochs: {epochs}); {varied}", flush=True)


def main(args: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("space", type=Path, help="what to vary, as configs/sweeps/fast.yaml")
    parser.add_argument("--trials", type=int, default=20, help="of the study, by all workers; 20 by default")
    parser.add_argument("--study", help="its name; that of the file by default")
    parser.add_argument("--storage", help=f"a journal file or a URL; {RUNS}/STUDY/journal.log by default")
    parser.add_argument("--output", type=Path, help=f"the best config; {RUNS}/STUDY/best.yaml by default")
    parser.add_argument("--write", action="store_true", help="the table into docs/experiments.md")
    options = parser.parse_args(args)
    ignore_warnings()
    warnings.filterwarnings("ignore", message="LightningCLI's args parameter")  # the command line is ours
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = options.study or options.space.stem
    try:
        space = read_space(options.space)
        study = open_study(name, options.storage or str(RUNS / name / "journal.log"), space._asdict())
        work(study, space, options.trials)
    except (RunStoppedError, KeyboardInterrupt) as error:
        print("sweep: stopped; the same command goes on.", file=sys.stderr)
        raise SystemExit(getattr(error, "status", 130)) from error
    except (ArgumentError, MisconfigurationException) as error:
        raise SystemExit(f"sweep: {plain_message(error)}") from error
    except MISTAKES as error:
        raise SystemExit(f"sweep: {sentence(error)}") from error
    except ValueError as error:
        raise SystemExit(f"sweep: {error}") from error
    print(table(study))
    if any(trial.state == TrialState.COMPLETE for trial in study.trials):
        output = options.output or RUNS / name / "best.yaml"
        output.parent.mkdir(parents=True, exist_ok=True)
        with replacing(output, shared=True) as file:  # other workers end now, too
            file.write(best_config(study, space).encode())
        print(f"The best config: python -m digitrec fit --config {output}")
    if options.write:
        write_section(f"sweep {name}", table(study), Path("docs/experiments.md"))


if __name__ == "__main__":
    main()
