import errno
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from digitrec.cli import DigitCLI, main
from digitrec.errors import CheckpointError, RunStoppedError
from digitrec.files import replacing
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.callbacks.last_checkpoint import LastCheckpoint
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.checkpoint_io import AtomicCheckpointIO
from digitrec.training.classifier import DigitClassifier

FOLDER = Path("lightning_logs/version_0/checkpoints")
LAST = FOLDER / "last.ckpt"


# Whole or not at all


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "some.ckpt"
    path.write_bytes(b"before")
    return path


def test_a_file_is_replaced_when_it_is_whole_and_on_the_disk(target, monkeypatch):
    synced = []
    fsync = os.fsync

    def remember(descriptor):
        synced.append((os.fstat(descriptor).st_size, target.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", remember)
    with replacing(target) as file:
        file.write(b"after it")
        assert target.read_bytes() == b"before"
    assert synced == [(8, b"before")]
    assert target.read_bytes() == b"after it"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=repr)
def test_what_goes_wrong_while_writing_leaves_the_old_file_and_no_other(error, target):
    def write():
        with replacing(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert target.read_bytes() == b"before"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    if isinstance(error, OSError):
        assert error.filename == str(target)


def test_two_processes_that_share_a_file_write_each_their_own(target, monkeypatch):
    with replacing(target, shared=True) as file:
        file.write(b"one")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with replacing(target, shared=True) as other:
            other.write(b"two")
        assert target.read_bytes() == b"two"
    assert target.read_bytes() == b"one"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_nothing_is_written_into_the_folder_of_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "on another disk"))
    path = tmp_path / "new" / "some.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weight": torch.arange(3)}, path)
    assert AtomicCheckpointIO().load_checkpoint(path)["weight"].tolist() == [0, 1, 2]


@contextmanager
def small_files():
    """Gives what lets no file grow past 100 kB, as on a disk that is full; a checkpoint has 1.3 MB.

    Only inside, or pytest could not write its own output where that goes to a longer file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda most=100_000: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_sentence_and_the_checkpoint_before_stays(fit, workplace, monkeypatch, capsys):
    fit()
    step, before = DigitClassifier.training_step, LAST.read_bytes()
    config = f"--config={FOLDER.parent}/config.yaml"
    with small_files() as fill:

        def fill_the_disk(self, *args):
            if self.trainer.current_epoch == 1:
                fill()
            return step(self, *args)

        monkeypatch.setattr(DigitClassifier, "training_step", fill_the_disk)
        assert main(["fit", config, "--ckpt_path=last", "--trainer.max_epochs=3"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(".ckpt cannot be written: File too large. The earlier one is unchanged.")
    assert LAST.read_bytes() == before
    assert sorted(path.name for path in FOLDER.iterdir()) == ["best.ckpt", "last.ckpt"]
    read_checkpoint(FOLDER / "best.ckpt")


def test_a_disk_that_is_full_from_the_start_leaves_no_checkpoint_to_promise(tmp_path):
    weights = {"weights": torch.zeros(100_000)}
    with small_files() as fill:
        fill()
        with pytest.raises(CheckpointError, match=r"some\.ckpt cannot be written: File too large\.$"):
            AtomicCheckpointIO().save_checkpoint(weights, tmp_path / "some.ckpt")


def test_predictions_on_a_full_disk_are_one_sentence_and_no_file(fit, monkeypatch, capsys):
    fit()
    written = PredictionsWriter.write_on_batch_end
    with small_files() as fill:

        def fill_the_disk(self, *args, **kwargs):
            fill(5_000)
            written(self, *args, **kwargs)

        monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", fill_the_disk)
        assert main(["predict"]) == 1
    path = Path("lightning_logs/version_1/predictions.csv")
    assert capsys.readouterr().err.splitlines()[-1] == f"digitrec: {path}: File too large"
    assert list(path.parent.glob("predictions*")) == []


def test_fit_writes_atomically_and_a_plugin_of_the_users_stays(fit):
    assert type(fit().trainer.strategy.checkpoint_io) is AtomicCheckpointIO
    own = fit("--trainer.plugins=lightning.pytorch.plugins.io.AsyncCheckpointIO")
    assert not isinstance(own.trainer.strategy.checkpoint_io, AtomicCheckpointIO | TorchCheckpointIO)


# When


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


# Signals


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
