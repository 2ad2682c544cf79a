"""Search for a better config with Optuna: a file defines the search space, trials are ranked by val/acc.

python -m scripts.sweep configs/sweeps/fast.yaml --trials 20            in two terminals: two workers
python -m scripts.sweep configs/sweeps/fast.yaml --trials 20 --write    writes docs/experiments.md

All workers of a study share its storage: a journal file, which may be on a network file system, or a URL for
Optuna. The same command resumes a sweep: --trials counts the trials of the whole study, and the trial of a
killed worker is repeated. A trial below the median of the others after as many epochs is pruned. The best
config is written in full, for `fit`.
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
from scripts.lib.docs import EXPERIMENTS, write_section
from scripts.lib.sweep_study import best_epoch, next_trial, open_study, row, started, table

# isort: split
import optuna  # after sweep_study, which reports that it is missing
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial, TrialState

RUNS = Path("lightning_logs/sweeps")
MISTAKES = (ArgumentError, CheckpointError, MisconfigurationException, MNISTUnavailableError, OSError)


class Space(NamedTuple):
    """The search space of a sweep: the config, fixed keys, and the keys to vary."""

    config: str
    fixed: dict[str, Any]
    search: dict[str, Any]

    def arguments(self, params: dict[str, Any]) -> list[str]:
        """Return the arguments of `fit` for a trial."""
        values = {**self.fixed, **params}
        return ["fit", f"--config={self.config}", *(f"--{key}={json.dumps(values[key])}" for key in values)]


def read_space(path: Path) -> Space:
    """Read the file of a sweep.

    Raises:
        ValueError: it cannot be read or has another format; the message is for the user.
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
    """Return the distributions that Optuna samples from, by key.

    Raises:
        ValueError: a key has neither a list nor a range.
    """
    by_key: dict[str, Any] = {}
    for key, values in space.search.items():
        try:
            if isinstance(values, list):
                by_key[key] = CategoricalDistribution(values)
            else:
                integers = isinstance(values["low"], int) and isinstance(values["high"], int)
                by_key[key] = (IntDistribution if integers else FloatDistribution)(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"search: {key} needs a list, or low and high and optionally log: {error}."
            ) from error
    return by_key


class TrialReporter(Callback):
    """Report val/acc of each epoch and the time, as a heartbeat, and prune a trial."""

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
    """DigitCLI that reports to a trial and prints nothing."""

    def __init__(self, args: list[str], reporter: TrialReporter) -> None:
        self.reporter = reporter
        super().__init__(args)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = super().instantiate_trainer(**kwargs)
        printing = ProgressBar, ModelSummary
        trainer.callbacks[:] = [c for c in trainer.callbacks if not isinstance(c, printing)]
        trainer.callbacks.append(self.reporter)
        return trainer


def run_trial(study: optuna.Study, trial: Trial, space: Space) -> None:
    """Train one trial and report its result."""
    folder = [f"--trainer.logger.init_args.name={RUNS / study.study_name}"]
    folder.append(f"--trainer.logger.init_args.version=trial_{trial.number}")
    try:
        TrialCLI([*space.arguments(trial.params), *folder], TrialReporter(trial))
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except DivergedError as error:
        print(f"trial {trial.number}: {error}")
        study.tell(trial, state=TrialState.PRUNED)  # the sampler ranks it lower the earlier it diverged
    except BaseException as error:
        study.tell(trial, state=TrialState.FAIL)
        if not isinstance(error, MISTAKES):
            study.enqueue_trial(trial.params)
        raise
    else:
        study.tell(trial, best_epoch(study.trials[trial.number]))


def best_config(study: optuna.Study, space: Space) -> str:
    """Return the config of the best trial in full."""
    with redirect_stdout(io.StringIO()) as text, suppress(SystemExit):
        DigitCLI([*space.arguments(study.best_trial.params), "--print_config"])
    return (
        f"# The best of {len(started(study))} trials of scripts.sweep by val/acc: {study.best_value:.2%}.\n"
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


def parse(args: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("space", type=Path, help="the search space, for example configs/sweeps/fast.yaml")
    parser.add_argument("--trials", type=int, default=20, help="of all workers together; 20 by default")
    parser.add_argument("--study", help="name of the study; that of the file by default")
    parser.add_argument("--storage", help=f"a journal file or a URL; {RUNS}/STUDY/journal.log by default")
    parser.add_argument("--output", type=Path, help=f"the best config; {RUNS}/STUDY/best.yaml by default")
    parser.add_argument("--write", action="store_true", help="write the table into docs/experiments.md")
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Run the command line."""
    options = parse(args)
    ignore_warnings()
    warnings.filterwarnings(
        "ignore", message="LightningCLI's args parameter"
    )  # this script passes its own arguments
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = options.study or options.space.stem
    try:
        space = read_space(options.space)
        study = open_study(name, options.storage or str(RUNS / name / "journal.log"), space._asdict())
        work(study, space, options.trials)
    except (RunStoppedError, KeyboardInterrupt) as error:
        print("sweep: stopped; the same command resumes it.", file=sys.stderr)
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
        with replacing(output) as file:
            file.write(best_config(study, space).encode())
        print(f"The best config: digitrec fit --config {output}")
    if options.write:
        write_section(f"sweep {name}", table(study), EXPERIMENTS)


if __name__ == "__main__":
    main()
