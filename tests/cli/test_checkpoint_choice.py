"""Which checkpoint a command loads, and the model that is stored in it."""

import json
from pathlib import Path

import pytest
import torch

from digitrec.cli import DigitCLI
from digitrec.models.checkpoints import read_checkpoint
from digitrec.models.tta import TTA
from tests.cli.conftest import (
    EVALUATIONS,
    MLP,
    SUBCOMMANDS,
    age,
    checkpoint,
    checkpoint_path,
    evaluate,
    folder,
)
from tests.conftest import ROOT


@pytest.mark.parametrize("subcommand", EVALUATIONS)
def test_default_is_best_checkpoint_of_newest_run(subcommand, fit, digitrec):
    older = fit("--model.network.init_args.hidden=[8]")
    newer = fit()
    status, out, _ = digitrec(subcommand)
    assert status == 0
    assert f"Checkpoint: {checkpoint(newer)}" in out
    age(newer, 100)
    assert f"Checkpoint: {checkpoint(older)}" in digitrec(subcommand)[1]


def test_ckpt_path_accepts_best_last_and_a_file(fit):
    older, newer = fit(), fit()
    assert evaluate("test", "--ckpt_path=best") == checkpoint(newer)
    assert evaluate("test", "--ckpt_path=last") == checkpoint(newer, "last")
    assert evaluate("test", f"--ckpt_path={checkpoint(older, 'last')}") == checkpoint(older, "last")


def test_tested_weights_come_from_the_checkpoint(fit):
    trained = fit("--trainer.max_epochs=4")
    tested = DigitCLI(["test", "--seed_everything=7", "--trainer.logger=false"])
    weights = read_checkpoint(checkpoint(trained))["state_dict"]
    assert weights.keys() == tested.model.state_dict().keys()
    assert all(torch.equal(weights[key], value) for key, value in tested.model.state_dict().items())
    assert tested.trainer.callback_metrics["test/acc"] > 0.9


def test_config_selects_newest_run_of_its_network(fit):
    expected = fit()
    fit("--model.network.init_args.hidden=[8]")
    assert evaluate("test", MLP) == checkpoint(expected)
    assert evaluate("test", MLP, "--ckpt_path=last") == checkpoint(expected, "last")
    assert evaluate("test", "--model.network=digitrec.models.MLP") == checkpoint(expected)


def test_run_with_the_same_model_is_preferred_over_same_network(fit):
    expected = fit()
    other = fit("--model.label_smoothing=0.1")
    assert evaluate("test", MLP) == checkpoint(expected)
    assert evaluate("test", MLP, "--model.label_smoothing=0.1") == checkpoint(other)
    assert evaluate("test") == checkpoint(other)


def test_run_without_validation_images_has_only_its_last_epoch(fit, mistake):
    run = fit("--data.val_size=0")
    assert evaluate("test") == checkpoint(run, "last")
    assert mistake("test", "--ckpt_path=best") == (
        f"The newest run, {folder(run)}, has no best checkpoint: it was trained without "
        "validation images (data.val_size 0), so its last epoch is the result. Use --ckpt_path last."
    )
    assert "nothing to validate on" in mistake("validate")


def test_runs_are_searched_where_the_configured_logger_writes(fit, mistake):
    other_folder = ["--trainer.logger.init_args.save_dir=out", "--trainer.logger.init_args.name=runs"]
    here, there = fit(), fit(*other_folder)
    assert checkpoint(there) == Path("out/runs/version_0/checkpoints/best.ckpt")
    assert checkpoint_path(DigitCLI(["test", *other_folder])) == checkpoint(there)
    assert checkpoint_path(DigitCLI(["test"])) == checkpoint(here)
    assert "There is no trained run in nowhere/lightning_logs" in mistake(
        "test", "--trainer.logger.init_args.save_dir=nowhere"
    )


def test_run_without_logger_is_found(fit, workplace):
    fit("--trainer.logger=false")
    assert evaluate("test") == Path("lightning_logs/checkpoints/best.ckpt")
    assert {path.name for path in workplace.iterdir()} == {"data", "lightning_logs"}


CALLBACK = "lightning.pytorch.callbacks.ModelCheckpoint"
SAVED = {
    "a file name": (
        {"filename": "{epoch}", "monitor": "val/acc", "mode": "max"},
        "{run}/checkpoints/epoch={epoch}.ckpt",
    ),
    "a folder": ({"dirpath": "kept", "filename": "it", "monitor": "val/loss"}, "kept/it.ckpt"),
    "nothing": ({"save_top_k": 0, "monitor": "val/loss"}, None),
    "Lightning's own": (None, "{run}/checkpoints/epoch={epoch}-step=12.ckpt"),
}


@pytest.mark.parametrize(("arguments", "expected"), SAVED.values(), ids=SAVED)
def test_checkpoints_of_any_callback_are_found(arguments, expected, fit, mistake):
    callbacks = arguments and [{"class_path": CALLBACK, "init_args": arguments}]
    run = fit(f"--trainer.callbacks={json.dumps(callbacks)}", "--trainer.max_epochs=2")
    if expected is None:
        assert "has no checkpoint" in mistake("test")
        return
    tested = evaluate("test").as_posix()
    assert tested in {expected.format(run=folder(run), epoch=epoch) for epoch in (0, 1)}


def test_default_root_dir_is_searched(fit):
    fit("--trainer.logger=true", "--trainer.default_root_dir=there")
    found = evaluate("test", "--trainer.default_root_dir=there")
    assert found == Path("there/lightning_logs/version_0/checkpoints/best.ckpt")


@pytest.mark.parametrize(
    "command",
    [
        ["validate"],
        ["test"],
        ["predict"],
        ["test", "--ckpt_path=best"],
        ["test", "--ckpt_path=last"],
        ["test", MLP],
    ],
    ids=str,
)
def test_missing_run_error_names_the_fit_command(command, mistake):
    message = mistake(*command)
    assert message.startswith("There is no trained run")
    assert "in lightning_logs: train one with digitrec fit --config configs/mlp.yaml" in message


def test_run_of_another_network_is_not_tested_instead(fit, mistake):
    fit("--model.network.init_args.hidden=[8]")
    assert mistake("test", MLP).startswith(
        "There is no trained run of the config's network in lightning_logs"
    )


def test_checkpoint_needs_no_config(fit):
    run = fit("--model.network.init_args.hidden=[8]", "--model.label_smoothing=0.1")
    cli = DigitCLI(["test", f"--ckpt_path={checkpoint(run)}"])
    assert [layer.out_features for layer in cli.model.modules() if isinstance(layer, torch.nn.Linear)] == [
        8,
        10,
    ]
    assert cli.model.label_smoothing == 0.1


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_model_that_differs_from_checkpoint_is_refused(subcommand, path, mistake):
    start = [subcommand, f"--ckpt_path={path}", "--data.val_size=50", "--trainer.max_epochs=2"]
    remedy = "leave the key out, or choose another checkpoint with --ckpt_path."
    assert mistake(*start, "--model.label_smoothing=0.2") == (
        f"model.label_smoothing is 0.2 but 0.0 in the checkpoint {path}, which has its own model: {remedy}"
    )
    message = mistake(*start, "--model.network.init_args.hidden=[64]")
    assert message.startswith(
        f"model.network.init_args.hidden is [64] but [128, 64] in the checkpoint {path}"
    )
    message = mistake(*start, "--model.optimizer=torch.optim.SGD")
    assert message.startswith("model.optimizer.class_path is torch.optim.SGD but torch.optim.Adam in")
    message = mistake(
        subcommand, f"--config={ROOT}/configs/best.yaml", f"--ckpt_path={path}", "--data.val_size=50"
    )
    assert message.startswith("model.label_smoothing is 0.05 but 0.0 in")


def test_value_equal_to_the_checkpoint_is_accepted(path):
    same = [
        "--model.network.init_args.hidden=[128,64]",
        "--model.label_smoothing=0",
        "--model.scheduler=null",
    ]
    assert evaluate("test", *same) == path
    assert evaluate("test", MLP, "--model.optimizer.init_args.lr=1e-3", f"--ckpt_path={path}") == path
    assert evaluate("test", "--model.network=digitrec.MLP") == path


def test_validate_uses_the_split_of_the_checkpoint(fit, mistake):
    run = fit("--data.val_size=70", "--data.split_seed=3")
    cli = DigitCLI(["validate"])
    assert (cli.datamodule.val_size, cli.datamodule.split_seed) == (70, 3)
    trained_on = {image.numpy().tobytes() for image in run.datamodule.train_set.images}
    validated_on = {image.numpy().tobytes() for image in cli.datamodule.val_set.images}
    assert len(validated_on) == 70
    assert not trained_on & validated_on
    assert cli.trainer.callback_metrics["val/acc"] == run.trainer.callback_metrics["val/acc"]
    assert mistake("validate", "--data.val_size=71").startswith(
        "data.val_size is 71 but 70 in the checkpoint"
    )


def test_what_acts_on_predictions_only_may_differ_from_the_checkpoint(path, mistake):
    cli = DigitCLI(
        ["test", f"--ckpt_path={path}", "--model.tta=digitrec.models.TTA", "--model.temperature=2"]
    )
    assert isinstance(cli.model.tta, TTA)
    assert cli.model.temperature == 2
    message = mistake("fit", f"--ckpt_path={path}", "--trainer.max_epochs=2", "--model.temperature=2")
    assert message.startswith(f"model.temperature is 2.0 but 1.0 in the checkpoint {path}")
