"""Two real processes on gloo, started as torchrun starts them, against one."""

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
from PIL import Image

from digitrec.cli import DigitCLI, main
from digitrec.training.processes import is_first_of_machine, lost_connection
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.conftest import ROOT, curves
from tests.training.conftest import assert_same, everything

EPOCHS, IMAGES = 3, 350
PREDICT_PICTURES = [
    "predict",
    "--ckpt_path=pretrained",
    "--data.pictures=mine",
    "--predictions.annotate=true",
]
TWO = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]


def together(folder, *commands, **environment):
    """Run commands on two processes; of each its exit status, what it printed and what it complained of."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
        said = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(started, said, strict=True)]


def own_config(folder):
    """A config with all that could go wrong: distortion, one-cycle, fused AdamW; 6 steps an epoch."""
    config = yaml.safe_load((ROOT / "configs" / "best.yaml").read_text())
    config["data"] |= {"batch_size": 32, "val_size": 50}
    config["trainer"] |= {"max_epochs": EPOCHS, "log_every_n_steps": 3}
    for callback in config["trainer"]["callbacks"]:
        if callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint":
            callback["init_args"]["every_n_train_steps"] = 2
    (folder / "own.yaml").write_text(yaml.safe_dump(config))


def draw_pictures(folder):
    """Five pictures, of which the last but one is none: they divide neither by two nor evenly."""
    folder.mkdir()
    for number in range(3):
        page = render(stroke_digits()[[number, 7 - number, number + 2]], Options(height=60), number)
        page.picture.save(folder / f"{number}.png")
    (folder / "3.png").write_text("no picture")
    Image.fromarray(np.full((50, 80), 250, np.uint8)).save(folder / "4.png")


FIT = ["fit", "--config=own.yaml", *TWO]
SEEN = {}


@pytest.fixture
def two(workplace, tmp_path_factory):
    """What two processes leave behind that fit, test and predict: run once for all tests."""
    if not SEEN:
        folder = tmp_path_factory.mktemp("two")
        shutil.copytree("data", folder / "data")
        own_config(folder)
        draw_pictures(folder / "mine")
        evaluations = [["test"], ["predict"], ["validate"], PREDICT_PICTURES]
        SEEN["said"] = together(folder, FIT, *([*command, *TWO] for command in evaluations))
        SEEN["folder"] = folder
    for path in SEEN["folder"].iterdir():
        if path.name != "data":
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, workplace / path.name)
    return [Path("lightning_logs") / f"version_{number}" for number in range(5)]


def test_two_processes_end_well_and_the_first_alone_prints(two):
    (status, printed, _), (other_status, *by_other) = SEEN["said"]
    assert (status, other_status) == (1, 0)  # one of the pictures is none
    assert by_other == ["", ""]
    assert printed.count("Checkpoint: ") == 4
    assert printed.count("Predictions: ") == 2


def test_two_processes_test_and_validate_as_one(two):
    tested, _, validated = two[1:4]
    alone = DigitCLI(["test"])
    report = json.loads((Path(alone.trainer.log_dir) / "report.json").read_text())
    assert report["images"] == 130
    report_of_two = json.loads((tested / "report.json").read_text())
    # To rounding: some processors add up a batch of 65 in another order than one of 130.
    assert report_of_two.pop("calibration_error") == pytest.approx(report.pop("calibration_error"), abs=1e-6)
    assert report_of_two == report
    metrics = alone.trainer.callback_metrics | DigitCLI(["validate"]).trainer.callback_metrics
    of_two = curves(tested) | curves(validated)
    for name in ("test/loss", "test/acc", "val/loss", "val/acc"):
        assert of_two[name][-1][1] == pytest.approx(float(metrics[name]), abs=1e-6)


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


def test_two_processes_read_the_users_pictures_as_one(two, capsys):
    assert main(PREDICT_PICTURES) == 1
    alone, captured = Path("lightning_logs/version_5"), capsys.readouterr()
    files = sorted(path.relative_to(alone) for path in alone.rglob("*.[cp][sn][vg]"))
    assert {"predictions.csv", "0.png.png", "crops-1.png"} <= {path.name for path in files}
    for file in files:
        assert (two[4] / file).read_bytes() == (alone / file).read_bytes()
    _, printed, complained = SEEN["said"][0]
    pictures = [line for line in captured.out.splitlines() if line.startswith("mine/")]
    assert len(pictures) == 4
    assert [line for line in printed.splitlines() if line.startswith("mine/")] == pictures
    assert "3.png is not a picture" in complained
    assert "1 of the pictures could not be read" in complained


def test_each_epoch_has_a_new_order_on_every_rank_and_together_all_images(two):
    orders = [
        [line.split() for line in Path(f"order-{rank}.txt").read_text().splitlines()] for rank in range(2)
    ]
    for of_rank in orders:
        assert len(of_rank) == len({tuple(order) for order in of_rank}) == EPOCHS
    for first, second in zip(*orders, strict=True):
        assert sorted(map(int, first + second)) == [*range(IMAGES)]


@pytest.mark.parametrize("step", [9])
def test_a_run_of_two_that_lost_one_goes_on_as_if_it_had_not(step, two, tmp_path):
    whole = two[0].rename("whole")
    shutil.rmtree("lightning_logs")
    killed = together(tmp_path, FIT, KILL_AT_STEP=step)
    assert [status for status, *_ in killed] == [1, -9]
    assert "digitrec: another process of the run has ended" in killed[0][2]
    assert "Traceback" not in killed[0][2]
    assert [status for status, *_ in together(tmp_path, [*FIT, "--ckpt_path=last"])] == [0, 0]
    for name in ("last", "best"):
        file = f"checkpoints/{name}.ckpt"
        assert_same(everything(two[0] / file), everything(whole / file))
    assert curves(two[0]) == curves(whole)


def test_processes_that_the_trainer_does_not_know_are_refused(fit, monkeypatch):
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
def test_one_process_on_each_machine_says_what_is_wrong(environment, speaks, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first_of_machine() is speaks


def test_a_port_that_is_taken_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError) as raised:
            torch.distributed.TCPStore("127.0.0.1", taken.getsockname()[1], is_master=True)
    said = lost_connection(raised.value)
    assert said.startswith("the processes cannot reach each other: ")
    assert "\n" not in said
    assert "address already in use" in said


def test_other_errors_are_not_taken_for_a_lost_process():
    assert lost_connection(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
