"""Every flag of Lightning's Trainer works with configs/fast.yaml, or is refused before the training."""

import inspect
import json

import pytest
from lightning.pytorch import Trainer

from tests.conftest import ROOT

SMALL = [
    *("--data.val_size=50", "--data.batch_size=50", "--data.eval_batch_size=10"),
    *("--trainer.max_epochs=2", "--trainer.log_every_n_steps=1"),
]
"""Two epochs of seven steps, and validations of five."""

TENSORBOARD = {"class_path": "lightning.pytorch.loggers.TensorBoardLogger", "init_args": {"save_dir": "t"}}
CSV = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "c"}}

WORKS = {
    "accelerator": ["cpu", "auto"],
    "strategy": ["auto", "ddp"],
    "devices": [1, "auto"],
    "num_nodes": [1],
    "precision": ["32", "64", "bf16-mixed", "bf16-true", "16-mixed"],
    "logger": [False, True, CSV, [TENSORBOARD, CSV]],
    "callbacks": [
        None,
        "LearningRateMonitor",
        {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val/loss"}},
        ["lightning.pytorch.callbacks.Timer", "lightning.pytorch.callbacks.RichModelSummary"],
    ],
    "fast_dev_run": [True, 3],
    "max_epochs": [1, 3],
    "min_epochs": [1],
    "max_steps": [3],
    "min_steps": [3],
    "max_time": ["00:00:01:00"],
    "limit_train_batches": [2, 0.5],
    "limit_val_batches": [0, 1, 1.0],
    "limit_test_batches": [1],
    "limit_predict_batches": [1],
    "overfit_batches": [2, 0.5],
    "val_check_interval": [2, 0.5],
    "check_val_every_n_epoch": [2],
    "num_sanity_val_steps": [0, -1],
    "log_every_n_steps": [0, 3, 1000],
    "enable_checkpointing": [True],
    "enable_progress_bar": [True, False],
    "enable_model_summary": [False, True],
    "accumulate_grad_batches": [2, 100],
    "gradient_clip_val": [0.5],
    "gradient_clip_algorithm": ["value"],
    "deterministic": [True, "warn"],
    "benchmark": [True],
    "inference_mode": [False],
    "use_distributed_sampler": [False],
    "profiler": ["simple", "advanced", "pytorch"],
    "detect_anomaly": [True],
    "barebones": [False],
    "plugins": ["lightning.pytorch.plugins.io.AsyncCheckpointIO"],
    "sync_batchnorm": [True],
    "reload_dataloaders_every_n_epochs": [1],
    "default_root_dir": ["elsewhere"],
    "enable_autolog_hparams": [False],
    "model_registry": ["somewhere"],
}
"""Values with which a training ends well."""

REFUSED = {
    "accelerator": [("gpu", "no GPU was found"), ("tpu", "")],
    "strategy": [("fsdp", ""), ("deepspeed", ""), ("nonsense", "nonsense")],
    "devices": [(0, "")],
    "precision": [("16-true", "16-true has no loss scaling")],
    "callbacks": [
        ("LearningRateFinder", "LearningRateFinder changes an attribute of the model"),
        ("DeviceStatsMonitor", "psutil"),
        (
            {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val_acc"}},
            "EarlyStopping monitors val_acc, which is not logged: choose one of train/learning_rate, train/",
        ),
        (
            {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"monitor": "acc"}},
            "ModelCheckpoint monitors acc, which is not logged",
        ),
    ],
    "max_time": [("soon", "")],
    "limit_train_batches": [(-1, "")],
    "val_check_interval": [(1000, "")],
    "enable_checkpointing": [(False, "")],
    "gradient_clip_algorithm": [("nonsense", "")],
    "profiler": [("nonsense", "")],
    "barebones": [(True, "")],
}
"""Values that are refused, and a part of the message."""


def flags(table):
    return [(name, value) for name, values in table.items() for value in values]


def argument(name, value):
    return f"--trainer.{name}={value if isinstance(value, str) else json.dumps(value)}"


def test_every_flag_of_the_trainer_is_tried():
    assert {*WORKS, *REFUSED} == set(inspect.signature(Trainer.__init__).parameters) - {"self"}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "value"), flags(WORKS), ids=str)
def test_flag_works(name, value, digitrec):
    status, _, err = digitrec("fit", f"--config={ROOT}/configs/fast.yaml", *SMALL, argument(name, value))
    assert (status, "Traceback" in err) == (0, False), err


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("precision", ["64", "16-true", "bf16-true", "bf16-mixed"])
def test_precision_of_evaluation(precision, path, digitrec):
    for command in ("validate", "test", "predict"):
        status, _, err = digitrec(command, f"--trainer.precision={precision}")
        assert status == 0, err


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "case"), flags(REFUSED), ids=str)
def test_flag_is_refused_and_leaves_no_run(name, case, mistake):
    value, message = case
    assert message in mistake("fit", f"--config={ROOT}/configs/fast.yaml", *SMALL, argument(name, value))
