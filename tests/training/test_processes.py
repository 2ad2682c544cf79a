"""Two processes on gloo, started as by torchrun, give the results of one."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from PIL import Image

from digitrec.cli import DigitCLI, main
from digitrec.exit_status import is_first_of_machine
from digitrec.training.processes import PORTS, choose_port, free_port, lost_connection
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.conftest import ROOT, curves
from tests.training.conftest import assert_same, checkpoint_content

pytestmark = pytest.mark.long

EPOCHS, IMAGES = 3, 350
PREDICT_PICTURES = [
    "predict",
    "--ckpt_path=pretrained",
    "--data.pictures=mine",
    "--predictions.annotate=true",
]
TWO = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]


def run_on_two_processes(folder, *commands, **environment):
    """Run commands on two processes; return exit status, output and errors of each."""
    port = free_port()
    started = []
    for rank in range(2):
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": 0}
        ranks |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "tests"}
        ranks |= {"OMP_NUM_THREADS": 1, **environment}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.training.one_of_several", json.dumps(commands)],
                cwd=folder,
                env={**os.environ, **{name: str(value) for name, value in ranks.items()}},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        outputs = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(started, outputs, strict=True)]


def own_config(folder):
    """Write a config with every kind of state: distortion, one-cycle, fused AdamW; 6 steps an epoch."""
    config = yaml.safe_load((ROOT / "configs" / "best.yaml").read_text())
    config["data"] |= {"batch_size": 32, "val_size": 50}
    config["trainer"] |= {"max_epochs": EPOCHS, "log_every_n_steps": 3}
    for callback in config["trainer"]["callbacks"]:
        if callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint":
            callback["init_args"]["every_n_train_steps"] = 2
    (folder / "own.yaml").write_text(yaml.safe_dump(config))


def draw_pictures(folder):
    """Write five files, the fourth of which is no picture: two processes get different numbers of them."""
    folder.mkdir()
    for number in range(3):
        page = render(stroke_digits()[[number, 7 - number, number + 2]], Options(height=60), number)
        page.picture.save(folder / f"{number}.png")
    (folder / "3.png").write_text("no picture")
    Image.fromarray(np.full((50, 80), 250, np.uint8)).save(folder / "4.png")


FIT = ["fit", "--config=own.yaml", *TWO]
TWO_PROCESSES = {}


@pytest.fixture
def two(workplace, tmp_path_factory):
    """The run folders of two processes that fit, test, predict and validate; they run once."""
    if not TWO_PROCESSES:
        folder = tmp_path_factory.mktemp("two")
        shutil.copytree("data", folder / "data")
        own_config(folder)
        draw_pictures(folder / "mine")
        evaluations = [["test"], ["predict"], ["validate"], PREDICT_PICTURES]
        TWO_PROCESSES["output"] = run_on_two_processes(
            folder, FIT, *([*command, *TWO] for command in evaluations)
        )
        TWO_PROCESSES["folder"] = folder
    for path in TWO_PROCESSES["folder"].iterdir():
        if path.name != "data":
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, workplace / path.name)
    runs = ("version_0", "test/version_0", "predict/version_0", "validate/version_0", "predict/version_1")
    return [Path("lightning_logs", run) for run in runs]


def test_two_processes_succeed_and_only_the_first_prints(two):
    (status, printed, _), (other_status, *other_output) = TWO_PROCESSES["output"]
    assert (status, other_status) == (1, 0)  # one of the files is no picture
    assert other_output == ["", ""]
    assert printed.count("Checkpoint: ") == 5  # four that are read, one that is written
    assert printed.count("Predictions: ") == 2


def test_two_processes_have_the_metrics_of_one(two):
    tested, _, validated = two[1:4]
    alone = DigitCLI(["test"])
    report = json.loads((Path(alone.trainer.log_dir) / "report.json").read_text())
    assert report["images"] == 130
    report_of_two = json.loads((tested / "report.json").read_text())
    # To rounding: some processors add up a batch of 65 in another order than one of 130.
    for name in ("calibration_error", "loss"):
        assert report_of_two.pop(name) == pytest.approx(report.pop(name), abs=1e-6)
    assert report_of_two == report
    metrics = alone.trainer.callback_metrics | DigitCLI(["validate"]).trainer.callback_metrics
    two_processes = curves(tested) | curves(validated)
    for name in ("test/loss", "test/acc", "val/loss", "val/acc"):
        assert two_processes[name][-1][1] == pytest.approx(float(metrics[name]), abs=1e-6)


def test_two_processes_write_the_predictions_of_one(two):
    alone = DigitCLI(["predict"])
    paths = two[2] / "predictions.csv", Path(alone.trainer.log_dir) / "predictions.csv"
    (names, *rows), (same_names, *same_rows) = (
        list(csv.reader(path.read_text().splitlines())) for path in paths
    )
    assert names == same_names
    assert [row[:2] for row in rows] == [row[:2] for row in same_rows]  # index and digit
    np.testing.assert_allclose(np.array(rows, float), np.array(same_rows, float), atol=2e-6)  # six decimals
    assert [int(row[0]) for row in rows] == [*range(130)]


def test_two_processes_read_pictures_as_one(two, capsys):
    assert main(PREDICT_PICTURES) == 1
    alone, captured = Path("lightning_logs/predict/version_2"), capsys.readouterr()
    files = sorted(path.relative_to(alone) for path in alone.rglob("*.[cp][sn][vg]"))
    assert {"predictions.csv", "0.png.png", "crops-1.png"} <= {path.name for path in files}
    for file in files:
        assert (two[4] / file).read_bytes() == (alone / file).read_bytes()
    _, printed, errors = TWO_PROCESSES["output"][0]
    pictures = [line for line in captured.out.splitlines() if line.startswith("mine/")]
    assert len(pictures) == 4
    assert [line for line in printed.splitlines() if line.startswith("mine/")] == pictures
    assert "3.png is not a picture" in errors
    assert "1 of the pictures could not be read" in errors


def test_each_epoch_has_a_new_order_and_ranks_cover_all_images(two):
    orders = [
        [line.split() for line in Path(f"order-{rank}.txt").read_text().splitlines()] for rank in range(2)
    ]
    for rank_orders in orders:
        assert len(rank_orders) == len({tuple(order) for order in rank_orders}) == EPOCHS
    for first, second in zip(*orders, strict=True):
        assert sorted(map(int, first + second)) == [*range(IMAGES)]


@pytest.mark.parametrize("step", [9])
def test_run_of_two_processes_resumes_exactly_after_losing_one(step, two, tmp_path):
    uninterrupted = two[0].rename("uninterrupted")
    shutil.rmtree("lightning_logs")
    killed = run_on_two_processes(tmp_path, FIT, KILL_AT_STEP=step)
    assert [status for status, *_ in killed] == [1, -9]
    assert "digitrec: another process of the run has ended" in killed[0][2]
    assert "Traceback" not in killed[0][2]
    assert [status for status, *_ in run_on_two_processes(tmp_path, [*FIT, "--ckpt_path=last"])] == [0, 0]
    for name in ("last", "best"):
        file = f"checkpoints/{name}.ckpt"
        assert_same(checkpoint_content(two[0] / file), checkpoint_content(uninterrupted / file))
    assert curves(two[0]) == curves(uninterrupted)


def test_processes_unknown_to_the_trainer_are_refused(fit, monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, value)
    for name in ("LOCAL_RANK", "GROUP_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "0")
    with pytest.raises(MisconfigurationException, match=r"torchrun started 2 processes, .* 1 on .* 1 are 1"):
        fit()


@pytest.mark.parametrize(
    ("environment", "speaks"),
    [({}, True), ({"LOCAL_RANK": "0"}, True), ({"LOCAL_RANK": "1"}, False), ({"SLURM_LOCALID": "3"}, False)],
)
def test_first_process_of_each_machine_prints_errors(environment, speaks, monkeypatch):
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):  # Lightning may have set one in an earlier test
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first_of_machine() is speaks


def test_port_in_use_is_reported_in_one_sentence():
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        with pytest.raises(RuntimeError) as raised:
            torch.distributed.TCPStore("127.0.0.1", occupied.getsockname()[1], is_master=True)
    message = lost_connection(raised.value)
    assert message.startswith("the processes cannot reach each other: ")
    assert "\n" not in message
    assert "address already in use" in message


@pytest.mark.parametrize(("environment", "chosen"), [({}, PORTS), ({"MASTER_PORT": "40000"}, [40_000])])
def test_processes_meet_at_a_port_that_no_outgoing_connection_gets(environment, chosen, monkeypatch):
    for name in ("MASTER_PORT", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "")  # so that the test's end restores what it was
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", logger=False)
    choose_port(trainer)
    assert trainer.strategy.cluster_environment.main_port in chosen


def test_one_process_needs_no_port(monkeypatch):
    monkeypatch.setenv("MASTER_PORT", "")
    monkeypatch.delenv("MASTER_PORT")
    choose_port(Trainer(accelerator="cpu", devices=1, logger=False))
    assert "MASTER_PORT" not in os.environ


def test_other_errors_do_not_count_as_a_lost_process():
    assert lost_connection(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
