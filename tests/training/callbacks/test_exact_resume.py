"""A run that was killed and resumed has the bits of one that was not."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from digitrec.cli import DigitCLI
from digitrec.models.mlp import MLP
from digitrec.training.classifier import DigitClassifier
from tests.conftest import ROOT, curves
from tests.training.conftest import Killed, assert_same, checkpoint_content

STEPS = 6  # of an epoch: 350 images in batches of 64


BEST, LAST = (f"lightning_logs/version_0/checkpoints/{name}.ckpt" for name in ("best", "last"))


def forward_with_dropout(self, images):
    return F.log_softmax(self.layers(F.dropout(images, 0.3, self.training)), dim=1)


def also(*calls):
    """Return parameters for the marker ``long``."""
    return [pytest.param(call, marks=pytest.mark.long) for call in calls]


@pytest.fixture
def run(workplace, monkeypatch):
    """Fit three epochs with every kind of state: distortion, dropout, one-cycle schedule, fused AdamW."""
    monkeypatch.setattr(MLP, "forward", forward_with_dropout)
    # Event files of one process and second are read in the order of their numbers as text: 10 before 9.
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(100))
    config = yaml.safe_load((ROOT / "configs" / "best.yaml").read_text())
    config["data"] |= {"batch_size": 64, "val_size": 50}
    config["trainer"] |= {"max_epochs": 3, "log_every_n_steps": 3}
    for callback in config["trainer"]["callbacks"]:
        if callback["class_path"] == "digitrec.training.callbacks.LastCheckpoint":
            callback["init_args"]["every_n_train_steps"] = 2
    (workplace / "own.yaml").write_text(yaml.safe_dump(config))

    def run(*args, killed_in=None, call=1):
        calls = []
        with monkeypatch.context() as patch:
            if killed_in:
                method = getattr(DigitClassifier, killed_in)

                def killed(self, *args):
                    if not self.trainer.sanity_checking:
                        calls.append(killed_in)
                    if len(calls) == call:
                        raise Killed
                    return method(self, *args)

                patch.setattr(DigitClassifier, killed_in, killed)
            try:
                return DigitCLI(["fit", "--config=own.yaml", *args])
            except Killed:
                return None

    return run


UNINTERRUPTED = {}


@pytest.fixture
def uninterrupted(run, workplace):
    """The checkpoints, curves and config of an uninterrupted run, which is trained once."""
    if not UNINTERRUPTED:
        run()
        UNINTERRUPTED.update(
            last=checkpoint_content(LAST), best=checkpoint_content(BEST), curves=curves(Path(LAST).parents[1])
        )
        UNINTERRUPTED["config"] = (workplace / LAST).parents[1].joinpath("config.yaml").read_text()
        (workplace / "lightning_logs").rename(workplace / "uninterrupted")
    return UNINTERRUPTED


def assert_resumed_exactly(uninterrupted):
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]
    assert_same(checkpoint_content(LAST), uninterrupted["last"])
    assert_same(checkpoint_content(BEST), uninterrupted["best"])
    assert curves(Path(LAST).parents[1]) == uninterrupted["curves"]
    assert Path(LAST).parents[1].joinpath("config.yaml").read_text() == uninterrupted["config"]


@pytest.mark.parametrize("call", [4, *also(6, 7, 11, 18)])
def test_run_killed_in_a_step_resumes_exactly(call, run, uninterrupted):
    assert run(killed_in="training_step", call=call) is None
    run("--ckpt_path=last")
    assert_resumed_exactly(uninterrupted)


def test_run_killed_in_validation_resumes_exactly(run, uninterrupted):
    assert run(killed_in="validation_step", call=2) is None
    run("--ckpt_path=last")
    assert_resumed_exactly(uninterrupted)


@pytest.mark.long
def test_run_killed_repeatedly_resumes_exactly(run, uninterrupted):
    assert run(killed_in="training_step", call=4) is None
    for call in (3, 2, 7):
        assert run("--ckpt_path=last", killed_in="training_step", call=call) is None
    run("--ckpt_path=last")
    assert_resumed_exactly(uninterrupted)


@pytest.mark.long
def test_worker_processes_resume_at_the_same_image(run, uninterrupted):
    assert run("--data.num_workers=1", killed_in="training_step", call=12) is None
    run("--data.num_workers=1", "--ckpt_path=last")
    assert_same(checkpoint_content(LAST)["state_dict"], uninterrupted["last"]["state_dict"])


def test_run_without_validation_images_resumes_exactly(run):
    def trained(name):
        return checkpoint_content(f"lightning_logs/{name}/checkpoints/last.ckpt")["state_dict"]

    run("--data.val_size=0")
    assert run("--data.val_size=0", killed_in="training_step", call=16) is None
    run("--data.val_size=0", "--ckpt_path=last")
    assert_same(trained("version_0"), trained("version_1"))


@pytest.mark.long
def test_run_with_accumulated_batches_resumes_exactly(run):
    accumulate = ["--trainer.accumulate_grad_batches=3", "--model.scheduler.init_args.max_lr=0.001"]
    uninterrupted = run(*accumulate).model.state_dict()
    assert run(*accumulate, killed_in="training_step", call=12) is None
    resumed = run(*accumulate, "--ckpt_path=last")
    assert_same(resumed.model.state_dict(), uninterrupted)
    assert resumed.trainer.log_dir.endswith("version_1")


def test_run_with_outliers_resumes_exactly(run):
    outliers = [
        "--data.outliers=digitrec.data.OutlierImages",
        "--data.outliers.count=100",
        "--data.outlier_share=0.25",
    ]
    uninterrupted = run(*outliers)
    assert run(*outliers, killed_in="training_step", call=9) is None
    assert_same(run(*outliers, "--ckpt_path=last").model.state_dict(), uninterrupted.model.state_dict())


@pytest.mark.parametrize("call", [9, *also(7, 13)])
def test_schedule_that_monitors_a_metric_resumes_exactly(call, run):
    plateau = [
        "--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau",
        "--model.scheduler.init_args.monitor=val/loss",
        "--model.scheduler.init_args.mode=max",  # it falls, so the rate is cut after each epoch but the first
        "--model.scheduler.init_args.patience=0",
        "--model.scheduler_interval=epoch",
    ]
    uninterrupted = run(*plateau)
    assert run(*plateau, killed_in="training_step", call=call) is None
    resumed = run(*plateau, "--ckpt_path=last")
    assert_same(resumed.model.state_dict(), uninterrupted.model.state_dict())
    rates = [cli.trainer.optimizers[0].param_groups[0]["lr"] for cli in (uninterrupted, resumed)]
    assert rates == pytest.approx([0.01 * 0.1**2] * 2)


def test_best_score_is_kept_after_resuming(run, monkeypatch):
    def validation_step(self, batch, batch_idx):
        self.log("val/acc", (0.9, 0.5, 0.7)[self.current_epoch])

    monkeypatch.setattr(DigitClassifier, "validation_step", validation_step)
    undrawn = "--figures.every_n_epochs=0"  # this validation gives nothing to draw
    assert run(undrawn, killed_in="training_step", call=9) is None
    resumed = run(undrawn, "--ckpt_path=last")
    best = resumed.trainer.checkpoint_callbacks[0]
    assert float(best.best_model_score) == pytest.approx(0.9)
    assert torch.load(BEST, weights_only=True)["global_step"] == STEPS


def test_resuming_from_best_starts_a_new_run_folder(run, capsys):
    run()
    before = Path(LAST).read_bytes()
    assert torch.load(BEST, weights_only=True)["global_step"] < 3 * STEPS
    resumed = run("--ckpt_path=best")
    assert resumed.trainer.log_dir.endswith("version_1")
    assert "best.ckpt (a new run starts from it)" in capsys.readouterr().out
    assert Path(LAST).read_bytes() == before


def test_distortion_sheet_is_drawn_once(run):
    assert run(killed_in="training_step", call=9) is None
    run("--ckpt_path=last")
    events = EventAccumulator(str(Path(LAST).parents[1]))
    events.Reload()
    assert [image.step for image in events.Images("train/distorted")] == [0]


def test_run_ended_by_early_stopping_is_not_resumed(fit):
    stop = [f"--config={ROOT}/configs/trainer/early_stopping.yaml", "--model.optimizer.init_args.lr=0"]
    run = fit(*stop, "--trainer.max_epochs=20")
    assert run.trainer.current_epoch == 11
    with pytest.raises(MisconfigurationException, match="early stopping ended the run, 10 epochs without a"):
        fit(*stop, "--trainer.max_epochs=20", "--ckpt_path=last")


def test_different_number_of_processes_cannot_resume_inside_an_epoch(run):
    assert run(killed_in="training_step", call=4) is None
    content = torch.load(LAST, weights_only=True)
    content["callbacks"]["ExactResume"]["processes"] = 2
    torch.save(content, LAST)
    with pytest.raises(MisconfigurationException, match=r"written by 2 processes .* set trainer\.devices"):
        run("--ckpt_path=last")


CSV = f"--config={ROOT}/configs/trainer/csv.yaml"


@pytest.mark.parametrize("call", [9, *also(4, 14)])
def test_metrics_csv_resumes_exactly(call, run, workplace):
    table = Path("lightning_logs/version_0/metrics.csv")
    run(CSV)
    uninterrupted = table.read_text()
    (workplace / "lightning_logs").rename(workplace / "uninterrupted")
    assert run(CSV, killed_in="training_step", call=call) is None
    with table.open("a") as file:
        file.write("2,cut off")
    run(CSV, "--ckpt_path=last")
    assert table.read_text() == uninterrupted
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]
