"""When ``last.ckpt`` is written, and what a signal does to a run."""

import os
import signal
from pathlib import Path

import pytest
import torch

from digitrec.cli import DigitCLI, main
from digitrec.errors import RunStoppedError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.callbacks.last_checkpoint import LastCheckpoint
from digitrec.training.classifier import DigitClassifier

FOLDER = Path("lightning_logs/version_0/checkpoints")
LAST = FOLDER / "last.ckpt"


@pytest.fixture
def written(monkeypatch):
    """The steps after which ``last.ckpt`` was written."""
    steps = []
    save = LastCheckpoint._save

    def remember(self, trainer):
        save(self, trainer)
        steps.append(trainer.global_step)

    monkeypatch.setattr(LastCheckpoint, "_save", remember)
    return steps


def every(workplace, steps):
    """A config that writes ``last.ckpt`` every so many steps."""
    (workplace / "steps.yaml").write_text(
        "trainer:\n  callbacks:\n"
        "    - class_path: digitrec.training.callbacks.LastCheckpoint\n"
        f"      init_args:\n        every_n_train_steps: {steps}\n"
        "    - class_path: lightning.pytorch.callbacks.TQDMProgressBar\n"
    )
    return "--config=steps.yaml"


@pytest.mark.parametrize(
    ("steps", "args", "expected"),
    [
        (2, [], [2, 4, 6]),  # six steps an epoch: the sixth's is the epoch's
        (5, ["--trainer.max_epochs=2"], [5, 6, 10, 12]),
        (0, [], [6]),
        (2, ["--trainer.log_every_n_steps=4"], [2, 5, 6]),  # the fourth is not logged yet when it is due
        (2, ["--trainer.val_check_interval=2"], [3, 5, 6]),  # Lightning would skip the validation after it
        (1, ["--trainer.accumulate_grad_batches=3"], [1, 2]),
    ],
    ids=str,
)
def test_last_is_written_where_a_run_can_go_on_from_it(steps, args, expected, fit, workplace, written):
    fit(every(workplace, steps), *args)
    assert written == expected


@pytest.fixture
def signalled(monkeypatch):
    """Send signals to this process in some call of a method, the sanity check's not counted."""

    def signalled(method, call, *signals):
        calls, inner = [], getattr(DigitClassifier, method)

        def sending(self, *args):
            if not self.trainer.sanity_checking:
                calls.append(method)
                if len(calls) == call:
                    for number in signals:
                        os.kill(os.getpid(), number)
            return inner(self, *args)

        monkeypatch.setattr(DigitClassifier, method, sending)

    return signalled


@pytest.fixture
def ctrl_c_counts():
    """Take Ctrl-C as a terminal's command does: in the background of a shell it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_counts")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_the_step_with_the_command_to_go_on(
    number, status, fit, signalled, workplace, capsys
):
    before = signal.getsignal(number)
    whole = fit("--trainer.max_epochs=2")
    (workplace / "lightning_logs").rename(workplace / "undisturbed")
    signalled("training_step", 3, number)
    with pytest.raises(RunStoppedError) as stopped:
        fit("--trainer.max_epochs=2")
    assert stopped.value.status == status
    assert read_checkpoint(LAST)["global_step"] == 3
    command = str(stopped.value).partition("python -m digitrec ")[2]
    assert command == f"fit --config {FOLDER.parent}/config.yaml --ckpt_path {LAST}"
    assert signal.getsignal(number) is before
    resumed = DigitCLI(command.split())
    for key, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value)


def test_a_signal_in_validation_waits_for_its_end(fit, signalled):
    signalled("validation_step", 1, signal.SIGTERM)
    with pytest.raises(RunStoppedError, match="Stopped after step 6"):
        fit("--trainer.max_epochs=2")
    checkpoint = read_checkpoint(LAST)
    assert checkpoint["global_step"] == 6
    best = [state for key, state in checkpoint["callbacks"].items() if "'val/acc'" in key]
    assert best[0]["best_model_score"] > 0


def test_a_signal_in_the_last_epochs_validation_stops_nothing(fit, signalled):
    signalled("validation_step", 1, signal.SIGTERM)
    assert fit().trainer.state.finished


@pytest.mark.usefixtures("ctrl_c_counts")
def test_a_second_ctrl_c_leaves_at_once(fit, signalled):
    signalled("training_step", 3, signal.SIGINT, signal.SIGINT)
    with pytest.raises(SystemExit) as left:  # Lightning's answer to a KeyboardInterrupt
        fit()
    assert left.value.code == 1
    assert not LAST.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_main_gives_the_status_of_the_signal_and_the_command_to_go_on(fit, signalled, capsys):
    fit()
    signalled("training_step", 2, signal.SIGTERM)
    status = main(["fit", f"--config={FOLDER.parent}/config.yaml"])
    assert status == 143
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("digitrec: Stopped after step 2. Resume it with: python -m digitrec fit --config ")


def test_an_ignored_ctrl_c_stays_ignored(fit, signalled):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signalled("training_step", 2, signal.SIGINT)
        assert fit().trainer.state.finished
    finally:
        signal.signal(signal.SIGINT, before)
