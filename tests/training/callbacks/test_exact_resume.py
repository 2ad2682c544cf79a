"""A run that was killed and resumed has the bits of one that was not."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.models.mlp import MLP
from digitrec.training.classifier import DigitClassifier
from tests.conftest import ROOT, curves
from tests.training.conftest import Killed, assert_same, everything

STEPS = 6  # of an epoch: 350 images in batches of 64


BEST, LAST = (f"lightning_logs/version_0/checkpoints/{name}.ckpt" for name in ("best", "last"))


def dropping(self, images):
    return F.log_softmax(self.layers(F.dropout(images, 0.3, self.training)), dim=1)


@pytest.fixture
def run(workplace, monkeypatch):
    """Fit for three epochs with all that could go wrong: distortion, dropout, one-cycle, fused AdamW."""
    monkeypatch.setattr(MLP, "forward", dropping)
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

                def dying(self, *args):
                    if not self.trainer.sanity_checking:
                        calls.append(killed_in)
                    if len(calls) == call:
                        raise Killed
                    return method(self, *args)

                patch.setattr(DigitClassifier, killed_in, dying)
            try:
                return DigitCLI(["fit", "--config=own.yaml", *args])
            except Killed:
                return None

    return run


KNOWN = {}


@pytest.fixture
def undisturbed(run, workplace):
    """What a run that is never stopped leaves behind: trained once for all tests."""
    if not KNOWN:
        run()
        KNOWN.update(last=everything(LAST), best=everything(BEST), curves=curves(Path(LAST).parents[1]))
        KNOWN["config"] = (workplace / LAST).parents[1].joinpath("config.yaml").read_text()
        (workplace / "lightning_logs").rename(workplace / "undisturbed")
    return KNOWN


def assert_as_if_never_stopped(undisturbed):
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]
    assert_same(everything(LAST), undisturbed["last"])
    assert_same(everything(BEST), undisturbed["best"])
    assert curves(Path(LAST).parents[1]) == undisturbed["curves"]
    assert Path(LAST).parents[1].joinpath("config.yaml").read_text() == undisturbed["config"]


@pytest.mark.parametrize("call", [4, 6, 7, 11, 18])
def test_a_run_that_was_killed_in_a_step_goes_on_as_if_it_had_not_been(call, run, undisturbed):
    assert run(killed_in="training_step", call=call) is None
    run("--ckpt_path=last")
    assert_as_if_never_stopped(undisturbed)


def test_a_run_that_was_killed_in_validation_goes_on_as_if_it_had_not_been(run, undisturbed):
    assert run(killed_in="validation_step", call=2) is None
    run("--ckpt_path=last")
    assert_as_if_never_stopped(undisturbed)


def test_a_run_that_was_killed_again_and_again_goes_on_as_if_it_had_not_been(run, undisturbed):
    assert run(killed_in="training_step", call=4) is None
    for call in (3, 2, 7):
        assert run("--ckpt_path=last", killed_in="training_step", call=call) is None
    run("--ckpt_path=last")
    assert_as_if_never_stopped(undisturbed)


def test_loader_processes_go_on_at_the_same_image(run, undisturbed):
    assert run("--data.num_workers=1", killed_in="training_step", call=12) is None
    run("--data.num_workers=1", "--ckpt_path=last")
    assert_same(everything(LAST)["state_dict"], undisturbed["last"]["state_dict"])


def test_without_validation_images_the_last_epoch_is_reached_all_the_same(run):
    def trained(name):
        return everything(f"lightning_logs/{name}/checkpoints/last.ckpt")["state_dict"]

    run("--data.val_size=0")
    assert run("--data.val_size=0", killed_in="training_step", call=16) is None
    run("--data.val_size=0", "--ckpt_path=last")
    assert_same(trained("version_0"), trained("version_1"))


def test_accumulated_batches_are_not_cut_in_two(run):
    accumulate = ["--trainer.accumulate_grad_batches=3", "--model.scheduler.init_args.max_lr=0.001"]
    whole = run(*accumulate).model.state_dict()
    assert run(*accumulate, killed_in="training_step", call=12) is None
    resumed = run(*accumulate, "--ckpt_path=last")
    assert_same(resumed.model.state_dict(), whole)
    assert resumed.trainer.log_dir.endswith("version_1")


def test_images_that_are_no_digits_come_as_they_would_have(run):
    doubt = [
        "--data.outliers=digitrec.data.OutlierImages",
        "--data.outliers.count=100",
        "--data.outlier_share=0.25",
    ]
    whole = run(*doubt)
    assert run(*doubt, killed_in="training_step", call=9) is None
    assert_same(run(*doubt, "--ckpt_path=last").model.state_dict(), whole.model.state_dict())


@pytest.mark.parametrize("call", [7, 9, 13])
def test_a_schedule_that_watches_a_metric_goes_on_too(call, run):
    plateau = [
        "--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau",
        "--model.scheduler.init_args.monitor=val/loss",
        "--model.scheduler.init_args.mode=max",  # it falls, so the rate is cut after each epoch but the first
        "--model.scheduler.init_args.patience=0",
        "--model.scheduler_interval=epoch",
    ]
    whole = run(*plateau)
    assert run(*plateau, killed_in="training_step", call=call) is None
    resumed = run(*plateau, "--ckpt_path=last")
    assert_same(resumed.model.state_dict(), whole.model.state_dict())
    rates = [cli.trainer.optimizers[0].param_groups[0]["lr"] for cli in (whole, resumed)]
    assert rates == pytest.approx([0.004 * 0.1**2] * 2)


def test_the_best_of_the_whole_run_is_remembered(run, monkeypatch):
    def validation_step(self, batch, batch_idx):
        self.log("val/acc", (0.9, 0.5, 0.7)[self.current_epoch])

    monkeypatch.setattr(DigitClassifier, "validation_step", validation_step)
    undrawn = "--figures.every_n_epochs=0"  # this validation gives nothing to draw
    assert run(undrawn, killed_in="training_step", call=9) is None
    resumed = run(undrawn, "--ckpt_path=last")
    best = resumed.trainer.checkpoint_callbacks[0]
    assert float(best.best_model_score) == pytest.approx(0.9)
    assert torch.load(BEST, weights_only=True)["global_step"] == STEPS


def test_from_best_starts_a_run_in_a_folder_of_its_own(run, capsys):
    run()
    before = Path(LAST).read_bytes()
    assert torch.load(BEST, weights_only=True)["global_step"] < 3 * STEPS
    resumed = run("--ckpt_path=best")
    assert resumed.trainer.log_dir.endswith("version_1")
    assert "best.ckpt (a new run starts from it)" in capsys.readouterr().out
    assert Path(LAST).read_bytes() == before


def test_the_distorted_digits_are_shown_once(run):
    assert run(killed_in="training_step", call=9) is None
    run("--ckpt_path=last")
    events = EventAccumulator(str(Path(LAST).parents[1]))
    events.Reload()
    assert [image.step for image in events.Images("train/distorted")] == [0]


def test_a_run_that_early_stopping_ended_is_not_resumed(fit):
    stop = [f"--config={ROOT}/configs/trainer/early_stopping.yaml", "--model.optimizer.init_args.lr=0"]
    run = fit(*stop, "--trainer.max_epochs=20")
    assert run.trainer.current_epoch == 11
    with pytest.raises(MisconfigurationException, match="early stopping ended the run, 10 epochs without a"):
        fit(*stop, "--trainer.max_epochs=20", "--ckpt_path=last")


def test_another_number_of_processes_cannot_go_on_inside_an_epoch(run):
    assert run(killed_in="training_step", call=4) is None
    content = torch.load(LAST, weights_only=True)
    content["callbacks"]["ExactResume"]["processes"] = 2
    torch.save(content, LAST)
    with pytest.raises(MisconfigurationException, match=r"written by 2 processes .* set trainer\.devices"):
        run("--ckpt_path=last")


CSV = f"--config={ROOT}/configs/trainer/csv.yaml"


@pytest.mark.parametrize("call", [4, 9, 14])
def test_a_table_of_metrics_goes_on_as_one_too(call, run, workplace):
    table = Path("lightning_logs/version_0/metrics.csv")
    run(CSV)
    whole = table.read_text()
    (workplace / "lightning_logs").rename(workplace / "whole")
    assert run(CSV, killed_in="training_step", call=call) is None
    with table.open("a") as file:
        file.write("2,cut off")
    run(CSV, "--ckpt_path=last")
    assert table.read_text() == whole
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]
