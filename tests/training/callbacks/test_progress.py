"""What a run prints: a line for each epoch, how it ended, and the metrics of an evaluation."""

import re
import sys
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import TQDMProgressBar

from digitrec.cli import main
from digitrec.training.callbacks import EpochProgressBar
from tests.conftest import ROOT, SMALL

MLP = f"--config={ROOT}/configs/mlp.yaml"
RUN = Path("lightning_logs/version_0")


@pytest.fixture
def printed(workplace, capsys):
    """The lines that a command prints on standard output."""

    def run(*args):
        capsys.readouterr()
        assert main(args) == 0
        return capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize(
    ("args", "epochs"),
    [
        (["--trainer.max_epochs=2"], 2),
        (
            [
                *("--trainer.max_epochs=9", f"--config={ROOT}/configs/trainer/early_stopping.yaml"),
                *("--model.optimizer.init_args.lr=0", "--trainer.callbacks.init_args.patience=1"),
            ],
            2,
        ),
        (["--trainer.max_epochs=-1", "--trainer.max_time=00:00:00:00"], 0),
    ],
    ids=["all epochs", "early stopping", "max_time"],
)
def test_fit_prints_each_epoch_and_how_it_ended(args, epochs, printed):
    out = printed("fit", MLP, *SMALL, *args)
    assert "MLP: 109,386 parameters" in out
    lines = [line for line in out if line.startswith("Epoch ") and "|" not in line]
    value = r"\d\.?[\d.e-]*"
    for epoch, line in enumerate(lines, 1):
        expected = rf"Epoch {epoch}(/\d)?: train/loss {value}, val/loss {value}, val/acc {value}  \(\d+ s\)"
        assert re.fullmatch(expected, line), line
    if not epochs:
        assert f"Run:        {RUN}" in out
        return
    assert len(lines) == epochs
    best = max(float(line.split("val/acc ")[1].split()[0]) for line in lines)
    assert out[-4:] == [
        f"Finished after epoch {epochs}, step {6 * epochs}. Best val/acc: {best:#.4g}",
        f"Run:        {RUN}",
        f"Checkpoint: {RUN}/checkpoints/best.ckpt",
        f"Next:       digitrec test --ckpt_path {RUN}/checkpoints/best.ckpt",
    ]
    assert not any("FLOPs" in line for line in out)


def test_without_validation_the_last_checkpoint_is_named(printed):
    out = printed("fit", MLP, *SMALL, "--data.val_size=0", "--name=all images")
    assert out[-4].startswith("Finished after epoch 1, step 7.")
    assert "Best" not in out[-4]
    assert out[-2] == "Checkpoint: lightning_logs/all images/checkpoints/last.ckpt"


def test_evaluations_print_each_figure_once_and_have_folders_of_their_own(printed, fit):
    fit()
    out = "\n".join(printed("test"))
    assert len(re.findall(r"Accuracy \d", out)) == 1
    assert len(re.findall(r"Expected calibration error [\d.]+%, loss \d\.\d{4}\n", out)) == 1
    assert "test/" not in out.replace("lightning_logs/test/", "")
    out = printed("validate", "--data.val_size=50")
    assert sum(bool(re.fullmatch(r"val/loss \d\.\d{3,4}, val/acc \d\.\d{3,4}", line)) for line in out) == 1
    printed("test", f"--config={RUN}/config.yaml")
    folders = sorted(str(each.parent) for each in Path().rglob("config.yaml"))
    assert folders == [
        *(f"lightning_logs/{name}" for name in ("test/version_0", "test/version_1", "validate/version_0")),
        str(RUN),
    ]


def test_bar_counts_epochs_as_the_lines_do_and_has_no_name(workplace, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["fit", MLP, *SMALL, "--trainer.max_epochs=2", "--name=no version"]) == 0
    out = capsys.readouterr().out
    bars = re.findall(r"(Epoch \d\S*) *:? +\d+%\|", out)
    assert dict.fromkeys(bars) == dict.fromkeys(["Epoch 1/2:", "Epoch 2/2:"])
    assert "v_num" not in out
    assert "Epoch 1/2: train/loss" in out
    assert main(["test"]) == 0
    out = capsys.readouterr().out
    assert "Testing DataLoader 0:" in out
    assert re.search(r"\rAccuracy ", out)  # on a line of its own, not behind the bar


def test_no_bar_is_drawn_into_a_file_or_if_there_is_another(printed, fit):
    assert not any("%|" in line for line in printed("fit", MLP, *SMALL))
    bars = [[TQDMProgressBar], [EpochProgressBar], []]
    given = ["--trainer.callbacks+=TQDMProgressBar"], [], ["--trainer.enable_progress_bar=false"]
    for expected, arguments in zip(bars, given, strict=True):
        callbacks = fit(*arguments).trainer.callbacks
        assert [type(each) for each in callbacks if isinstance(each, TQDMProgressBar)] == expected


def test_named_run_is_resumed_tested_and_not_overwritten(printed, capsys):
    named = "lightning_logs/wide net"
    printed("fit", MLP, *SMALL, "--name=wide net")
    assert main(["fit", MLP, *SMALL, "--name=wide net"]) == 1
    assert f"{named} is the folder of another run: choose another --name." in capsys.readouterr().err
    for number in range(2):
        out = printed("test", f"--config={named}/config.yaml")
        assert out[0] == f"Checkpoint: {named}/checkpoints/best.ckpt"
        folder = ("wide net", "version_0")[number]
        assert Path(f"lightning_logs/test/{folder}/report.json").exists()
    printed("fit", MLP, *SMALL, "--ckpt_path=last", "--trainer.max_epochs=2")
    assert sorted(path.name for path in Path("lightning_logs").iterdir()) == ["test", "wide net"]


def test_debug_run_is_tested_only_if_asked_for(printed, capsys):
    debug = f"--config={ROOT}/configs/trainer/debug.yaml"
    printed("fit", MLP, debug, "--data.val_size=50")
    assert main(["test"]) == 1
    assert "There is no trained run in lightning_logs" in capsys.readouterr().err
    assert printed("test", debug)[0] == "Checkpoint: debug_logs/version_0/checkpoints/best.ckpt"
