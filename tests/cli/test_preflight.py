"""Mistakes that Lightning would find after an epoch, or when the run has a folder."""

import pytest

from digitrec.cli import main
from tests.conftest import ROOT

PLATEAU = ["--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau"]
TOO_RARE = ["--model.scheduler.init_args.monitor=train/loss", "--trainer.log_every_n_steps=1000"]


@pytest.mark.filterwarnings("ignore:The number of training batches")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--data.val_size=0", f"--config={ROOT}/configs/trainer/early_stopping.yaml"],
            "val/acc, but data.val_size is 0",
        ),
        (
            ["--trainer.limit_val_batches=0", f"--config={ROOT}/configs/trainer/early_stopping.yaml"],
            "EarlyStopping monitors val/acc, but trainer.limit_val_batches is 0.",
        ),
        (
            [*PLATEAU, "--model.scheduler.init_args.monitor=val_loss"],
            "ReduceLROnPlateau monitors val_loss, which is not logged: choose one of train/learning_rate",
        ),
        (
            [*PLATEAU, "--model.scheduler.init_args.monitor=val/loss", "--data.val_size=0"],
            "data.val_size is 0.",
        ),
        (
            [*PLATEAU, *TOO_RARE, "--data.val_size=50"],
            "ReduceLROnPlateau monitors train/loss, which is logged every 1000 steps, but an epoch has ",
        ),
        (
            ["--data.val_size=50", "--trainer.val_check_interval=1000"],
            "`val_check_interval` (1000) must be less than or equal to",
        ),
        (["--trainer.callbacks+=LearningRateFinder"], "search for it with python -m scripts.sweep."),
        (
            ["--model.optimizer=torch.optim.SparseAdam"],
            "model.optimizer, SparseAdam: SparseAdam does not support",
        ),
        (["--model.scheduler_frequency=0"], "model.scheduler_frequency counts epochs, at least 1: it is 0"),
        (["--trainer.precision=16-true"], "trainer.precision 16-true has no loss scaling"),
        (["--model.scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau"], "ReduceLROnPlateau"),
        (["--model.network=torchmetrics.MeanMetric"], "torchmetrics"),
    ],
)
def test_late_failures_are_reported_before_a_run_folder_exists(args, message, workplace, capsys):
    assert main(["fit", f"--config={ROOT}/configs/mlp.yaml", *args]) == 2
    assert message in capsys.readouterr().err
    assert not (workplace / "lightning_logs").exists()
