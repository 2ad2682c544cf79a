"""Which checkpoint a command takes, and the model that it knows."""

from pathlib import Path

import pytest
import torch

from digitrec.cli import DigitCLI
from digitrec.models.checkpoints import read_checkpoint
from tests.cli.conftest import EVALUATIONS, MLP, SUBCOMMANDS, age, checkpoint, evaluate, folder, taken
from tests.conftest import ROOT


@pytest.mark.parametrize("subcommand", EVALUATIONS)
def test_without_ckpt_path_the_best_of_the_newest_run_is_taken_and_printed(subcommand, fit, digitrec):
    older = fit("--model.network.init_args.hidden=[8]")
    newer = fit()
    status, out, _ = digitrec(subcommand)
    assert status == 0
    assert f"Checkpoint: {checkpoint(newer)}" in out
    age(newer, 100)
    assert f"Checkpoint: {checkpoint(older)}" in digitrec(subcommand)[1]


def test_best_last_and_a_file_choose(fit):
    older, newer = fit(), fit()
    assert evaluate("test", "--ckpt_path=best") == checkpoint(newer)
    assert evaluate("test", "--ckpt_path=last") == checkpoint(newer, "last")
    assert evaluate("test", f"--ckpt_path={checkpoint(older, 'last')}") == checkpoint(older, "last")


def test_the_weights_that_are_tested_are_those_of_the_checkpoint(fit):
    trained = fit("--trainer.max_epochs=4")
    tested = DigitCLI(["test", "--seed_everything=7", "--trainer.logger=false"])
    known = read_checkpoint(checkpoint(trained))["state_dict"]
    assert known.keys() == tested.model.state_dict().keys()
    assert all(torch.equal(known[key], value) for key, value in tested.model.state_dict().items())
    assert tested.trainer.callback_metrics["test/acc"] > 0.9


def test_with_a_config_the_newest_run_of_its_network_is_taken(fit):
    wanted = fit()
    fit("--model.network.init_args.hidden=[8]")
    assert evaluate("test", MLP) == checkpoint(wanted)
    assert evaluate("test", MLP, "--ckpt_path=last") == checkpoint(wanted, "last")
    assert evaluate("test", "--model.network=digitrec.models.MLP") == checkpoint(wanted)


def test_among_runs_of_one_network_the_one_of_the_whole_model_is_preferred(fit):
    wanted = fit()
    other = fit("--model.label_smoothing=0.1")
    assert evaluate("test", MLP) == checkpoint(wanted)
    assert evaluate("test", MLP, "--model.label_smoothing=0.1") == checkpoint(other)
    assert evaluate("test") == checkpoint(other)


def test_a_run_of_all_images_has_only_its_last_epoch(fit, mistake):
    run = fit("--data.val_size=0")
    assert evaluate("test") == checkpoint(run, "last")
    assert mistake("test", "--ckpt_path=best") == (
        f"The newest run, {folder(run)}/checkpoints, has no best checkpoint: it was trained without "
        "validation images (data.val_size 0), so its last epoch is the result. Use --ckpt_path last."
    )
    assert "nothing to validate on" in mistake("validate")


def test_runs_are_looked_for_where_the_logger_of_the_config_keeps_them(fit, mistake):
    elsewhere = ["--trainer.logger.init_args.save_dir=out", "--trainer.logger.init_args.name=runs"]
    here, there = fit(), fit(*elsewhere)
    assert checkpoint(there) == Path("out/runs/version_0/checkpoints/best.ckpt")
    assert taken(DigitCLI(["test", *elsewhere])) == checkpoint(there)
    assert taken(DigitCLI(["test"])) == checkpoint(here)
    assert "There is no trained run in nowhere/lightning_logs" in mistake(
        "test", "--trainer.logger.init_args.save_dir=nowhere"
    )


def test_without_a_logger_the_checkpoints_beside_are_found(fit, workplace):
    fit("--trainer.logger=false")
    assert evaluate("test") == Path("checkpoints/best.ckpt")


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
def test_with_nothing_there_the_command_to_type_is_said(command, mistake):
    said = mistake(*command)
    assert said.startswith("There is no trained run")
    assert "in lightning_logs: train one with python -m digitrec fit --config configs/mlp.yaml" in said


def test_a_run_of_another_network_is_not_tested_in_its_place(fit, mistake):
    fit("--model.network.init_args.hidden=[8]")
    assert mistake("test", MLP).startswith(
        "There is no trained run of the config's network in lightning_logs"
    )


def test_a_checkpoint_needs_no_config(fit):
    run = fit("--model.network.init_args.hidden=[8]", "--model.label_smoothing=0.1")
    cli = DigitCLI(["test", f"--ckpt_path={checkpoint(run)}"])
    assert [layer.out_features for layer in cli.model.modules() if isinstance(layer, torch.nn.Linear)] == [
        8,
        10,
    ]
    assert cli.model.label_smoothing == 0.1


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_another_model_than_the_checkpoints_is_an_error_of_key_and_values(subcommand, path, mistake):
    start = [subcommand, f"--ckpt_path={path}", "--data.val_size=50", "--trainer.max_epochs=2"]
    way_out = "leave the key out, or choose another checkpoint with --ckpt_path."
    assert mistake(*start, "--model.label_smoothing=0.2") == (
        f"model.label_smoothing is 0.2 but 0.0 in the checkpoint {path}, which knows its own model: {way_out}"
    )
    said = mistake(*start, "--model.network.init_args.hidden=[64]")
    assert said.startswith(f"model.network.init_args.hidden is [64] but [128, 64] in the checkpoint {path}")
    said = mistake(*start, "--model.optimizer=torch.optim.SGD")
    assert said.startswith("model.optimizer.class_path is torch.optim.SGD but torch.optim.Adam in")
    said = mistake(
        subcommand, f"--config={ROOT}/configs/best.yaml", f"--ckpt_path={path}", "--data.val_size=50"
    )
    assert said.startswith("model.label_smoothing is 0.05 but 0.0 in")


def test_an_equal_value_passes(path):
    same = [
        "--model.network.init_args.hidden=[128,64]",
        "--model.label_smoothing=0",
        "--model.scheduler=null",
    ]
    assert evaluate("test", *same) == path
    assert evaluate("test", MLP, "--model.optimizer.init_args.lr=1e-3", f"--ckpt_path={path}") == path
    assert evaluate("test", "--model.network=digitrec.MLP") == path


def test_validate_takes_the_split_that_the_checkpoint_was_trained_with(fit, mistake):
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
