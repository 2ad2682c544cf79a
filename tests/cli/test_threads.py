"""The key ``threads`` of the configs, and the thread of the reader."""

import pytest
import torch

from digitrec import Reader
from digitrec.cli import DigitCLI
from digitrec.errors import CheckpointError
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.cli.conftest import evaluate
from tests.conftest import ROOT, SMALL


@pytest.fixture
def threads(monkeypatch):
    """The numbers of threads that were set; PyTorch says that it has two."""
    numbers = []
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    return numbers


def test_evaluation_has_the_threads_of_the_training(fit, threads):
    fit()
    evaluate("test")
    evaluate("predict", "--threads=3")
    assert threads == [1, 1, 3]
    fit("--threads=2")
    evaluate("test")
    assert threads[3:] == [2, 2]


def test_all_threads_are_those_of_pytorch(workplace, threads):
    args = [*SMALL, "--model.network.init_args.hidden=[4]", "--trainer.log_every_n_steps=1"]
    DigitCLI(["fit", f"--config={ROOT}/configs/wide.yaml", *args])
    evaluate("test")
    assert threads == []


def test_number_of_threads_is_checked(fit, mistake):
    assert mistake("test", "--ckpt_path=pretrained", "--threads=0").startswith("threads: 0 is not accepted")
    fit()
    with pytest.raises(
        CheckpointError, match=r"threads is 2 but 1 in .* Use --threads 1, or start a new run"
    ):
        fit("--ckpt_path=last", "--trainer.max_epochs=2", "--threads=2")


def test_reader_uses_one_thread_and_restores_the_others(threads):
    picture = render(stroke_digits()[[7]], Options(height=60), 0).picture
    assert Reader.pretrained().read(picture).text == "7"
    assert threads == [1, 2]
