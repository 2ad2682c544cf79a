import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from digitrec.cli import DigitCLI
from digitrec.errors import DivergedError, RunStoppedError
from scripts import sweep
from scripts.lib import sweep_study
from tests.conftest import ROOT, SMALL

pytestmark = pytest.mark.scripts

RATE = "model.optimizer.init_args.lr"
FOLDER = Path("lightning_logs/sweeps/space")


@pytest.fixture
def space(workplace):
    """Write the file of a small sweep around configs/mlp.yaml."""
    content = {
        "config": f"{ROOT}/configs/mlp.yaml",
        "fixed": {"trainer.max_epochs": 2, "trainer.log_every_n_steps": 1, "data.val_size": 50},
        "search": {RATE: {"low": 0.0005, "high": 0.005, "log": True}, "data.batch_size": [32, 64]},
    }
    path = workplace / "space.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def opened(path):
    return sweep_study.open_study("space", f"{FOLDER}/journal.log", sweep.read_space(path)._asdict())


def faked(monkeypatch, trained=lambda trial: None):
    """Train nothing: the accuracy of a trial is how near its learning rate is to 0.002."""

    def run(args, reporter):
        trained(reporter.trial)
        reporter.trial.report(1 - abs(reporter.trial.params[RATE] - 0.002), 0)

    monkeypatch.setattr(sweep, "TrialCLI", run)


def test_a_sweep_trains_and_fit_takes_the_config_of_its_best_trial(space, workplace, capsys):
    sweep.main([str(space), "--trials=2"])
    study = opened(space)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert study.best_value == max(max(trial.intermediate_values.values()) for trial in study.trials)
    assert len(study.best_trial.intermediate_values) == 2  # epochs
    assert f"| {100 * study.best_value:.2f} |" in capsys.readouterr().out
    cli = DigitCLI(["fit", f"--config={FOLDER / 'best.yaml'}", *SMALL])
    assert cli.trainer.log_dir.endswith("lightning_logs/version_0")
    assert cli.datamodule.batch_size == study.best_params["data.batch_size"]
    assert cli.trainer.optimizers[0].param_groups[0]["lr"] == study.best_params[RATE]


def test_a_sweep_is_resumed_and_ends_with_as_many_trials_as_asked_for(space, monkeypatch):
    faked(monkeypatch)
    for trials in (2, 5, 5):
        sweep.main([str(space), f"--trials={trials}"])
    assert [trial.state for trial in opened(space).trials] == [TrialState.COMPLETE] * 5


def test_a_trial_below_the_median_of_the_others_is_pruned(space, monkeypatch):
    faked(monkeypatch)
    sweep.main([str(space), "--trials=5"])
    study = opened(space)
    trial = study.ask(sweep.distributions(sweep.read_space(space)))
    trial.report(0.1, 0)
    assert trial.should_prune()


class Trainer:
    sanity_checking, current_epoch = False, 0

    def __init__(self, accuracy):
        self.callback_metrics = {"val/acc": accuracy}


def test_the_reporter_reports_each_epoch_and_prunes_a_trial(space, monkeypatch):
    faked(monkeypatch)
    sweep.main([str(space), "--trials=5"])
    trial = opened(space).ask(sweep.distributions(sweep.read_space(space)))
    with pytest.raises(optuna.TrialPruned):
        sweep.TrialReporter(trial).on_validation_end(Trainer(0.1), None)
    good = opened(space).ask(sweep.distributions(sweep.read_space(space)))
    sweep.TrialReporter(good).on_validation_end(Trainer(1.0), None)
    assert opened(space).trials[good.number].intermediate_values == {0: 1.0}


def test_the_trial_of_a_killed_worker_is_repeated(space, monkeypatch, capsys):
    faked(monkeypatch)
    study = opened(space)
    trial = study.ask(sweep.distributions(sweep.read_space(space)))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    trial.set_user_attr("worker", [socket.gethostname(), gone.pid])
    sweep.main([str(space), "--trials=2"])
    lost, again, other = study.trials
    assert (lost.state, again.state, other.state) == (TrialState.FAIL, *[TrialState.COMPLETE] * 2)
    assert again.params == lost.params
    assert "trial 0: its worker is gone, so it is repeated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "alive"), [(sweep_study.STALE / 2, True), (sweep_study.STALE * 2, False)]
)
def test_a_trial_of_another_machine_is_dead_after_an_hour_without_a_heartbeat(seconds, alive, space):
    trial = opened(space).ask(sweep.distributions(sweep.read_space(space)))
    trial.set_user_attr("worker", ["elsewhere", os.getpid()])
    trial.set_user_attr("alive", time.time() - seconds)
    assert sweep_study.is_alive(opened(space).trials[0]) is alive


@pytest.mark.parametrize(
    "reason", [RunStoppedError("", 130), KeyboardInterrupt()], ids=["in training", "before"]
)
def test_a_sweep_that_is_stopped_reports_it_and_repeats_the_trial(reason, space, monkeypatch, capsys):
    def stop(trial):
        if trial.number == 1:
            raise reason

    faked(monkeypatch, stop)
    with pytest.raises(SystemExit) as stopped:
        sweep.main([str(space), "--trials=3"])
    assert stopped.value.code == 130
    assert "stopped; the same command resumes it" in capsys.readouterr().err
    sweep.main([str(space), "--trials=3"])
    trials = opened(space).trials
    assert [trial.state for trial in trials].count(TrialState.COMPLETE) == 3
    assert trials[2].params == trials[1].params


def test_a_trial_that_diverges_counts_and_the_sweep_goes_on(space, monkeypatch):
    def diverge(trial):
        if trial.number == 0:
            raise DivergedError("The loss is nan")

    faked(monkeypatch, diverge)
    sweep.main([str(space), "--trials=2"])
    assert [trial.state for trial in opened(space).trials] == [TrialState.PRUNED, TrialState.COMPLETE]


def test_of_two_workers_that_ask_for_the_last_trial_at_once_one_withdraws(space, monkeypatch):
    drawn_from = sweep.distributions(sweep.read_space(space))
    first = opened(space).ask(drawn_from)
    known, started = [[]], sweep_study.started  # before it asks, the other has not seen the first
    monkeypatch.setattr(sweep_study, "started", lambda study: known.pop() if known else started(study))
    assert sweep_study.next_trial(opened(space), drawn_from, trials=1) is None
    assert [trial.number for trial in started(opened(space))] == [first.number]


def worker(folder, trials):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.scripts.sweep_worker", "space.yaml", trials],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_workers_at_once_lose_no_trial_and_double_none(space, workplace):
    workers = [worker(workplace, "--trials=5") for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in workers]
    assert [process.returncode for process in workers] == [0, 0], outputs
    done = re.findall(r"^trial (\d+): \d", outputs[0][0] + outputs[1][0], re.M)
    counted = sweep_study.started(opened(space))
    assert len(counted) == 5
    assert TrialState.RUNNING not in {trial.state for trial in counted}
    assert sorted(map(int, done)) == [trial.number for trial in counted]
    assert len({tuple(trial.params.values()) for trial in counted}) == 5
    assert {trial.user_attrs["worker"][1] for trial in counted} <= {process.pid for process in workers}
    assert [path.name for path in (workplace / FOLDER).glob("best*")] == ["best.yaml"]


def test_a_study_lies_where_a_url_says(space, monkeypatch):
    faked(monkeypatch)
    for trials in (1, 3):
        sweep.main([str(space), f"--trials={trials}", "--storage=sqlite:///study.db"])
    study = optuna.load_study(study_name="space", storage="sqlite:///study.db")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    assert not (FOLDER / "journal.log").exists()


MISTAKES = {
    "no file": ("absent.yaml", None, "absent.yaml: No such file or directory"),
    "broken": ("own.yaml", "config: [", "own.yaml: the YAML is broken"),
    "no search": ("own.yaml", "config: a.yaml", "own.yaml needs `config` and `search`"),
    "no range": ("own.yaml", "{config: a.yaml, search: {a.b: {low: 1}}}", "search: a.b needs a list, or low"),
    "no config": ("own.yaml", "{config: a.yaml, search: {a.b: [1]}}", "there is no file .*a.yaml"),
}


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_file_is_one_sentence(name, text, message, workplace):
    if text is not None:
        (workplace / name).write_text(text)
    with pytest.raises(SystemExit, match=f"^sweep: .*{message}[^\n]*$"):
        sweep.main([name, "--trials=1"])


def test_a_key_that_does_not_exist_is_one_sentence_and_no_trial_counts(space):
    content = yaml.safe_load(space.read_text())
    content["search"] = {"model.optimiser.lr": [1]}
    space.write_text(yaml.safe_dump(content))
    with pytest.raises(SystemExit, match=r"^sweep: .*model\.optimiser"):
        sweep.main([str(space), "--trials=1"])
    assert sweep_study.started(opened(space)) == []


def test_a_study_is_not_mixed_with_one_of_another_space(space, monkeypatch):
    faked(monkeypatch)
    sweep.main([str(space), "--trials=1"])
    space.write_text(space.read_text().replace("0.005", "0.05"))
    with pytest.raises(SystemExit, match="has another search space: give --study a new name"):
        sweep.main([str(space), "--trials=2"])


def test_a_storage_that_cannot_be_opened_is_one_sentence(space):
    with pytest.raises(SystemExit, match=r"^sweep: the storage nowhere://a cannot be opened: "):
        sweep.main([str(space), "--storage=nowhere://a"])


def test_a_line_that_was_cut_is_dropped_with_a_warning(space, monkeypatch, capsys):
    faked(monkeypatch)
    sweep.main([str(space), "--trials=2"])
    journal = FOLDER / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "wor')
    sweep.main([str(space), "--trials=3"])
    assert f"the last line of {journal} was cut, so it is dropped." in capsys.readouterr().err
    assert len(opened(space).trials) == 3
