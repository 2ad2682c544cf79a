"""Runs that start at the same time, and runs that are still alive."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from digitrec.cli import main
from digitrec.errors import CheckpointError
from digitrec.training.compat.run_folders import claim_folder
from digitrec.training.runs.lock import locked
from tests.cli.conftest import QUICK

HOLD = """
import sys, time
from pathlib import Path
from digitrec.training.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of a run folder."""
    processes = []

    def start(folder):
        process = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"locked\n"
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("logger", [TensorBoardLogger, CSVLogger])
def test_loggers_that_start_together_take_different_folders(logger, tmp_path):
    loggers = [logger(tmp_path, "runs") for _ in range(8)]
    assert {each.version for each in loggers} == {0}  # all have looked before any has created its folder
    threads = [threading.Thread(target=claim_folder, args=(each,)) for each in loggers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.version for each in loggers) == list(range(8))


def test_chosen_version_stays(fit, workplace):
    (workplace / "lightning_logs" / "version_3").mkdir(parents=True)
    assert fit("--trainer.logger.init_args.version=3").trainer.logger.version == 3
    assert fit().trainer.logger.version == 4


def test_lock_names_the_process_and_ends_with_it(tmp_path, holder):
    run = tmp_path / "version_0"
    process = holder(run)
    message = f"^Process {process.pid} is still writing into {run}:"
    with pytest.raises(CheckpointError, match=message), locked(run):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt.0123abcd.tmp").touch()  # the kill left it
    with locked(run):
        assert not list(run.rglob("*.tmp"))
    assert [path.name for path in tmp_path.iterdir()] == ["version_0"]


def test_a_link_to_a_run_is_the_same_run(tmp_path, holder):
    run, link = tmp_path / "version_0", tmp_path / "newest"
    run.mkdir()
    link.symlink_to(run)
    process = holder(run)
    with pytest.raises(CheckpointError, match=f"Process {process.pid} is still writing into"), locked(link):
        pass


def test_run_that_is_alive_is_not_resumed(fit, holder, capsys):
    run = fit()
    folder = Path(run.trainer.log_dir)
    before = times(folder)
    process = holder(folder)
    again = ["fit", *QUICK, "--trainer.max_epochs=2", "--ckpt_path=last"]
    assert main(again) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"digitrec: Process {process.pid} is still writing into {folder}: wait until it ends, or stop it."
    )
    assert times(folder) == before
    process.kill()
    process.wait()
    assert main(again) == 0


def test_runs_without_a_logger_do_not_write_the_same_checkpoints(fit, holder, workplace):
    process = holder(workplace / "lightning_logs" / "checkpoints")
    with pytest.raises(CheckpointError, match=f"Process {process.pid} is still writing into"):
        fit("--trainer.logger=false")
    fit("--trainer.logger=false", "--trainer.enable_checkpointing=false", "--trainer.callbacks=null")
