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

    def record(self, trainer):
        save(self, trainer)
        steps.append(trainer.global_step)

    monkeypatch.setattr(LastCheckpoint, "_save", record)
    return steps


def save_every(workplace, steps):
    """Write a config that saves ``last.ckpt`` every so many steps; return the option for it."""
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
        (2, ["--trainer.log_every_n_steps=4"], [2, 5, 6]),  # the fourth is not logged yet
        (2, ["--trainer.val_check_interval=2"], [3, 5, 6]),  # Lightning would skip the validation after it
        (1, ["--trainer.accumulate_grad_batches=3"], [1, 2]),
    ],
    ids=str,
)
def test_last_checkpoint_is_written_at_resumable_steps(steps, args, expected, fit, workplace, written):
    fit(save_every(workplace, steps), *args)
    assert written == expected


@pytest.fixture
def send_signals(monkeypatch):
    """Send signals to this process in the n-th call of a method; the sanity check does not count."""

    def send_signals(method, call, *signals):
        calls, inner = [], getattr(DigitClassifier, method)

        def sending(self, *args):
            if not self.trainer.sanity_checking:
                calls.append(method)
                if len(calls) == call:
                    for number in signals:
                        os.kill(os.getpid(), number)
            return inner(self, *args)

        monkeypatch.setattr(DigitClassifier, method, sending)

    return send_signals


@pytest.fixture
def default_ctrl_c():
    """Handle Ctrl-C as in a terminal: a shell ignores it for background processes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_ctrl_c")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_the_run_after_the_step_and_names_the_resume_command(
    number, status, fit, send_signals, workplace, capsys
):
    before = signal.getsignal(number)
    uninterrupted = fit("--trainer.max_epochs=2")
    (workplace / "lightning_logs").rename(workplace / "uninterrupted")
    send_signals("training_step", 3, number)
    with pytest.raises(RunStoppedError) as stopped:
        fit("--trainer.max_epochs=2")
    assert stopped.value.status == status
    assert read_checkpoint(LAST)["global_step"] == 3
    command = str(stopped.value).partition("digitrec ")[2]
    assert command == f"fit --config {FOLDER.parent}/config.yaml --ckpt_path {LAST}"
    assert signal.getsignal(number) is before
    resumed = DigitCLI(command.split())
    for key, value in uninterrupted.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value)


def test_signal_in_validation_waits_for_its_end(fit, send_signals):
    send_signals("validation_step", 1, signal.SIGTERM)
    with pytest.raises(RunStoppedError, match="Stopped after step 6"):
        fit("--trainer.max_epochs=2")
    checkpoint = read_checkpoint(LAST)
    assert checkpoint["global_step"] == 6
    best = [state for key, state in checkpoint["callbacks"].items() if "'val/acc'" in key]
    assert best[0]["best_model_score"] > 0


def test_signal_in_the_last_validation_is_ignored(fit, send_signals):
    send_signals("validation_step", 1, signal.SIGTERM)
    assert fit().trainer.state.finished


@pytest.mark.usefixtures("default_ctrl_c")
def test_second_ctrl_c_exits_immediately(fit, send_signals):
    send_signals("training_step", 3, signal.SIGINT, signal.SIGINT)
    with pytest.raises(SystemExit) as left:  # Lightning's answer to a KeyboardInterrupt
        fit()
    assert left.value.code == 1
    assert not LAST.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_main_returns_the_signal_status_and_names_the_resume_command(fit, send_signals, capsys):
    fit()
    send_signals("training_step", 2, signal.SIGTERM)
    status = main(["fit", f"--config={FOLDER.parent}/config.yaml"])
    assert status == 143
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("digitrec: Stopped after step 2. Resume it with: digitrec fit --config ")


def test_ignored_ctrl_c_stays_ignored(fit, send_signals):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        send_signals("training_step", 2, signal.SIGINT)
        assert fit().trainer.state.finished
    finally:
        signal.signal(signal.SIGINT, before)
