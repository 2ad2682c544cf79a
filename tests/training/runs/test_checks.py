"""Whether a config fits the checkpoint that it runs with or resumes."""

import re
from pathlib import Path

import pytest
from lightning.fabric.utilities.exceptions import MisconfigurationException

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import read_checkpoint
from digitrec.training.runs.checks import check_config, check_resume, check_single, differences
from tests.checkpoint_files import ADAM, PLATEAU, mlp, write
from tests.conftest import ROOT

LAST = "lightning_logs/version_0/checkpoints/last.ckpt"
PATH = Path("run/checkpoints/last.ckpt")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.ckpt"


def test_two_experiments_are_refused_also_if_a_model_is_in_a_file_of_its_own(tmp_path):
    contents = {
        "whole.yaml": "model: {network: digitrec.models.MLP, optimizer: torch.optim.Adam}",
        "inner/model.yaml": "{network: digitrec.models.MLP, optimizer: torch.optim.Adam}",
        "inner/apart.yaml": "model: model.yaml",
        "part.yaml": "model: {network: digitrec.models.MLP}",
        "without.yaml": "data: {batch_size: 3}",
    }
    (tmp_path / "inner").mkdir()
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    one, apart, *others = (str(tmp_path / name) for name in contents if name != "inner/model.yaml")
    check_single([one, *others])
    check_single([apart, *others])
    with pytest.raises(MisconfigurationException, match=r"apart\.yaml are two complete experiments"):
        check_single([one, others[0], apart])


def test_differences_name_the_key_and_both_values():
    assert list(differences({"network": mlp(4), "a": 1}, {"network": mlp(8), "b": 2})) == [
        ("network.init_args.hidden", [4], [8])
    ]
    assert list(differences({"hidden": (4, 8)}, {"hidden": [4, 8]})) == []
    short = {"class_path": "digitrec.MLP", "init_args": {"hidden": [4]}}
    assert list(differences({"network": short}, {"network": mlp(4)})) == []
    other = {"class_path": "torch.nn.Identity", "init_args": {"hidden": [5]}}
    assert list(differences({"network": other}, {"network": mlp(4)})) == [
        ("network.class_path", "torch.nn.Identity", "digitrec.models.MLP")
    ]


def config(val_size=50, split_seed=0, weights_only=None, **model):
    return {
        "model": {"network": mlp(4), "optimizer": ADAM, "scheduler": None, **model},
        "data": {"val_size": val_size, "split_seed": split_seed},
        "weights_only": weights_only,
    }


@pytest.fixture
def check(path):
    return lambda subcommand, config: check_config(config, subcommand, read_checkpoint(write(path)), path)


@pytest.mark.parametrize("subcommand", ["fit", "validate", "test", "predict"])
def test_every_subcommand_refuses_another_model(check, subcommand):
    check(subcommand, config())
    with pytest.raises(
        CheckpointError, match=r"model\.network\.init_args\.hidden is \[5\] but \[4\] in .*--ckpt"
    ):
        check(subcommand, config(network=mlp(5)))
    with pytest.raises(CheckpointError, match=r"model\.scheduler is lightning\.pytorch\S+ but null in"):
        check(subcommand, config(scheduler=PLATEAU))
    with pytest.raises(CheckpointError, match="--weights_only false lets a checkpoint run code"):
        check(subcommand, config(weights_only=False))


@pytest.mark.parametrize("subcommand", ["fit", "validate"])
def test_validation_on_training_images_is_refused(check, subcommand):
    check(subcommand, config(val_size=20))  # the first 20 of the 50 that were held out
    with pytest.raises(CheckpointError, match=r"data\.val_size is 51 but 50 in"):
        check(subcommand, config(val_size=51))
    with pytest.raises(CheckpointError, match=r"data\.split_seed is 1 but 0 in"):
        check(subcommand, config(split_seed=1))
    check("test", config(val_size=51, split_seed=1))


def test_validation_without_held_out_images_is_refused(check):
    with pytest.raises(CheckpointError, match=r"nothing to validate on: data\.val_size is 0"):
        check("validate", config(val_size=0))


def check_resuming(is_last_batch=True, schedules=(), seed=1, batch_size=64, new=False, **trainer):
    """Check a config against a checkpoint of seed 1, in or after the second epoch of ten steps."""
    ema = {"class_path": "EMAWeightAveraging", "init_args": {"decay": 0.9}}
    checkpoint = {
        "epoch": 1,
        "global_step": 20 if is_last_batch else 15,
        "lr_schedulers": list(schedules),
        "loops": {"fit_loop": {"epoch_loop.batch_progress": {"is_last_batch": is_last_batch}}},
        "callbacks": {
            "ExactResume": {
                "seed": 1,
                "epoch_steps": 10,
                "max_epochs": 3,
                "trainer": {"accumulate_grad_batches": 2, "gradient_clip_val": None, "callbacks": [ema]},
            }
        },
        "datamodule_hyper_parameters": {"batch_size": 64},
    }
    config = {
        "seed_everything": seed,
        "data": {"batch_size": batch_size},
        "trainer": {
            "max_epochs": 3,
            "max_steps": -1,
            "max_time": None,
            "accumulate_grad_batches": 2,
            "gradient_clip_val": None,
            "callbacks": [ema, {"class_path": "lightning.pytorch.callbacks.TQDMProgressBar"}],
            **trainer,
        },
    }
    check_resume(config, checkpoint, PATH, new)


@pytest.mark.parametrize("is_last_batch", [True, False])
def test_different_seed_is_refused(is_last_batch):
    check_resuming(is_last_batch)
    check_resuming(is_last_batch, seed=False)
    for seed in (2, True):
        with pytest.raises(CheckpointError, match=rf"is {seed} but 1 in .* Use --seed_everything 1"):
            check_resuming(is_last_batch, seed=seed)


CHANGES = [
    ({"batch_size": 32}, "data.batch_size is 32 but 64 in", "Use --data.batch_size 64"),
    (
        {"accumulate_grad_batches": 1},
        "trainer.accumulate_grad_batches is 1 but 2 in",
        "Use --trainer.accumulate_grad_batches 2",
    ),
    (
        {"gradient_clip_val": 1.0},
        "trainer.gradient_clip_val is 1.0 but null in",
        "Use --trainer.gradient_clip_val null",
    ),
    (
        {"callbacks": []},
        "trainer.callbacks is none but EMAWeightAveraging {'decay': 0.9} in",
        "Give the config that it was made with",
    ),
]


@pytest.mark.parametrize(("change", "difference", "remedy"), CHANGES, ids=str)
def test_changes_that_make_a_different_run_are_refused(change, difference, remedy):
    for is_last_batch, new, why in (
        (True, False, "whose run continues unchanged"),
        (False, False, "from inside an epoch: the rest of the epoch would differ"),
        (False, True, "from inside an epoch: the rest of the epoch would differ"),
    ):
        sentence = (
            f"{difference} the checkpoint {PATH}, {why}. {remedy}, or start a new run without --ckpt_path."
        )
        with pytest.raises(CheckpointError, match=f"^{re.escape(sentence)}$"):
            check_resuming(is_last_batch, new=new, **change)
    check_resuming(new=True, **change)


def test_callbacks_that_only_record_or_stop_may_change():
    ema = {"class_path": "EMAWeightAveraging", "init_args": {"decay": 0.9}}
    names = ["LearningRateMonitor", "EarlyStopping", "RichProgressBar", "ModelCheckpoint"]
    added = [{"class_path": f"lightning.pytorch.callbacks.{name}"} for name in names]
    check_resuming(callbacks=[*added, ema])
    check_resuming(callbacks=[ema])


def test_different_training_images_are_refused(fit):
    distorted = "--data.augment=digitrec.data.RandomDistortion"
    steps = "--trainer.max_steps=4"
    fit(distorted, "--data.augment.rotation=5", steps)
    again = f"--ckpt_path={LAST}"
    with pytest.raises(
        CheckpointError, match=r"data\.augment\.init_args\.rotation is 7.0 but 5.0 in .* inside an epoch"
    ):
        fit(distorted, "--data.augment.rotation=7", again, "--trainer.max_epochs=2")
    fit(distorted, "--data.augment.rotation=5", "--data.eval_batch_size=50", again, "--trainer.max_epochs=2")


def test_finished_run_is_not_resumed():
    check_resuming(max_epochs=-1)
    check_resuming(is_last_batch=False, max_epochs=2)
    for epochs, is_last_batch in ((2, True), (1, False)):
        with pytest.raises(CheckpointError, match=rf"nothing to resume: trainer\.max_epochs is {epochs}"):
            check_resuming(is_last_batch, max_epochs=epochs)


@pytest.mark.parametrize("is_last_batch", [True, False])
def test_run_is_not_resumed_past_the_end_of_its_schedule(is_last_batch):
    check_resuming(is_last_batch, schedules=[{"total_steps": 30}])
    with pytest.raises(
        CheckpointError, match=r"schedule in .* ends with epoch 3: a longer run has to be a new one"
    ):
        check_resuming(is_last_batch, schedules=[{"total_steps": 30}], max_epochs=4)


def test_resuming_needs_max_epochs():
    with pytest.raises(CheckpointError, match=r"how long to train: use --config configs/mlp\.yaml"):
        check_resuming(max_epochs=None)


def test_annealed_distortion_forbids_a_different_max_epochs(fit):
    annealed = ["--data.augment=digitrec.data.RandomDistortion", "--data.augment_annealing=0.5"]
    fit(*annealed)
    with pytest.raises(CheckpointError, match=r"trainer\.max_epochs is 3 but 1 in .* whose run continues"):
        fit(*annealed, f"--ckpt_path={LAST}", "--trainer.max_epochs=3")


def test_run_resumes_only_with_its_own_trainer_options(fit):
    ema = f"--config={ROOT}/configs/trainer/ema.yaml"
    fit(ema)
    longer = [f"--ckpt_path={LAST}", "--trainer.max_epochs=2"]
    with pytest.raises(CheckpointError, match=r"callbacks is none but .*EMAWeightAveraging {"):
        fit(*longer)
    for change in ("gradient_clip_val=1.0", "accumulate_grad_batches=2", "precision=bf16-mixed", "devices=2"):
        with pytest.raises(
            CheckpointError, match=f"trainer.{change.split('=')[0]} is .* whose run continues"
        ):
            fit(ema, *longer, f"--trainer.{change}")
    assert fit(ema, *longer, "--data.eval_batch_size=7").trainer.log_dir.endswith("version_0")
