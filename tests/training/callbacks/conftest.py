"""Fixtures of the tests of callbacks."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.evaluation import plots as figures


def events(cli):
    accumulator = EventAccumulator(cli.trainer.log_dir)
    accumulator.Reload()
    return accumulator


@pytest.fixture
def drawn(monkeypatch):
    """The arguments with which the confusion matrix and the mistakes were drawn."""
    arguments = {"confusion_matrix": [], "mistakes": []}
    for name, kept in arguments.items():
        draw = getattr(figures, name)

        def keep(*args, draw=draw, kept=kept, **kwargs):
            kept.append(args)
            return draw(*args, **kwargs)

        monkeypatch.setattr(figures, name, keep)
    return arguments
