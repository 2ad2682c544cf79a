"""Signals in predict, errors of threads, and a training that learns nothing."""

import errno
import os
import signal
import threading
from types import SimpleNamespace

import pytest
import torch

from digitrec import cli
from digitrec.training.callbacks.divergence import StopAtDivergence
from digitrec.training.callbacks.prediction_writer import PredictionsWriter

MESSAGES = {
    signal.SIGINT: (130, "digitrec: Stopped by SIGINT before the end."),
    signal.SIGTERM: (143, "digitrec: Stopped by SIGTERM before the end."),
}


@pytest.mark.parametrize("number", MESSAGES)
def test_predict_ends_at_a_signal(number, workplace, monkeypatch, capsys):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning ignores it after a first Ctrl-C
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(PredictionsWriter, "write_on_batch_end", lambda *args: os.kill(os.getpid(), number))
    status = cli.main(["predict", "--ckpt_path=pretrained"])
    assert (status, capsys.readouterr().err.splitlines()[-1]) == MESSAGES[number]
    assert signal.getsignal(signal.SIGTERM) is before
    assert not list(workplace.rglob("predictions.csv*"))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_thread_that_cannot_write_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", cli.report_thread)

    def write():
        raise OSError(errno.ENOSPC, "No space left on device", "events.out")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert capsys.readouterr().err == "digitrec: events.out: No space left on device\n"


@pytest.mark.parametrize(("accuracy", "warned"), [(0.1, True), (0.16, False), (None, False)])
def test_training_that_learns_nothing_is_warned_of(accuracy, warned, capsys):
    """With a learning rate of 1e6 the loss is 1e18, and finite."""
    metrics = {} if accuracy is None else {"val/acc": torch.tensor(accuracy)}
    trainer = SimpleNamespace(callback_metrics=metrics, is_global_zero=True, global_step=500)
    StopAtDivergence().on_train_end(trainer, None)
    warning = "digitrec: warning: val/acc is 0.10, no better than chance: try a lower learning rate.\n"
    assert capsys.readouterr().err == (warning if warned else "")
