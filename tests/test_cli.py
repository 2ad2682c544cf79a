import logging
import os
import re
import shutil
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentError

from digitrec.cli import DigitCLI, main
from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import read_checkpoint
from tests.conftest import ROOT, TEST

MLP = f"--config={ROOT}/configs/mlp.yaml"
EARLY_STOPPING = f"--config={ROOT}/configs/trainer/early_stopping.yaml"
QUICK = [MLP, "--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
SUBCOMMANDS = ["fit", "validate", "test", "predict"]
EVALUATIONS = SUBCOMMANDS[1:]


@pytest.fixture
def digitrec(workplace, capsys):
    """Run a command line as ``python -m digitrec`` does: (exit status, standard output, standard error)."""

    def run(*args):
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def mistake(digitrec, workplace):
    """Run a command line that holds a mistake: the sentence, after a look that nothing else came of it."""

    def run(*args):
        before = sorted(workplace.rglob("*"))
        status, _, error = digitrec(*args)
        assert status == 1
        said = [line for line in error.splitlines() if line.startswith("digitrec: ")]
        assert said == [error.splitlines()[-1]]
        assert "Traceback" not in error
        assert sorted(workplace.rglob("*")) == before
        return said[0].removeprefix("digitrec: ")

    return run


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf") / "run"


@pytest.fixture
def path(fit, workplace, shelf):
    """The best checkpoint of a run of configs/mlp.yaml, which is trained once for all tests."""
    run = workplace / "lightning_logs" / "version_0"
    if shelf.exists():
        shutil.copytree(shelf, run)
    else:
        fit()
        shutil.copytree(run, shelf)
    return (run / "checkpoints" / "best.ckpt").relative_to(workplace)


def folder(cli):
    return Path(cli.trainer.log_dir)


def checkpoint(cli, name="best"):
    return folder(cli) / "checkpoints" / f"{name}.ckpt"


def taken(cli):
    return Path(cli.config[cli.subcommand].ckpt_path)


def age(cli, seconds):
    """Make the checkpoints of a run older."""
    for path in (folder(cli) / "checkpoints").iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def evaluate(*args):
    return taken(DigitCLI([*args, "--trainer.logger=false"]))


# Which checkpoint


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


# What the checkpoint knows


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


# Resuming


def test_fit_goes_on_from_the_last_step_of_the_checkpoint(fit):
    once = fit()
    steps = once.trainer.global_step
    assert steps == 6  # 350 images in batches of 64
    resumed = fit("--ckpt_path=last", "--trainer.max_epochs=3")
    assert taken(resumed) == checkpoint(once, "last")
    assert (resumed.trainer.global_step, resumed.trainer.current_epoch) == (18, 3)
    through = fit("--trainer.max_epochs=3")
    for key, value in through.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[key], value)


def test_fit_with_nothing_to_resume_says_so(fit, mistake):
    said = mistake("fit", *QUICK, "--ckpt_path=last")
    assert said.startswith("There is no trained run of the config's network in lightning_logs")
    run = fit()
    said = mistake("fit", *QUICK, "--ckpt_path=last")
    path = checkpoint(run, "last")
    assert (
        said
        == f"There is nothing to resume: trainer.max_epochs is 1, and {path} was trained for 1. Give more."
    )
    said = mistake("fit", "--ckpt_path=last")
    assert said.endswith(f"use --config {folder(run)}/config.yaml.")
    resumed = DigitCLI(
        ["fit", f"--config={folder(run)}/config.yaml", "--ckpt_path=last", "--trainer.max_epochs=2"]
    )
    assert resumed.trainer.global_step == 12


# Mistakes


MISTAKES = {
    "an unknown option": (
        ["fit", *QUICK, "--trainer.max_epochz=3"],
        "--trainer.max_epochz=3: there is no such option",
    ),
    "an unknown argument of a class": (
        ["fit", *QUICK, "--model.network.init_args.width=3"],
        "model.network.init_args.width: there is no such key.",
    ),
    "an unknown word": (["fitt"], "argument subcommand: invalid choice: 'fitt'"),
    "no experiment": (
        ["fit"],
        "model.network, model.optimizer: there is no value; give an experiment, for example",
    ),
    "a missing config": (["fit", "--config=nowhere.yaml"], "--config: there is no file /"),
    "a folder as config": (["fit", "--config=data"], "--config: /"),
    "a word for a number": (
        ["fit", *QUICK, "--trainer.max_epochs=many"],
        "trainer.max_epochs: many is not accepted: expected int or null.",
    ),
    "a word for a list": (
        ["fit", *QUICK, "--model.network.init_args.hidden=wide"],
        "model.network.init_args.hidden: wide is not accepted: expected list.",
    ),
    "a word for an argument of the optimizer": (
        ["fit", *QUICK, "--model.optimizer.init_args.lr=fast"],
        "model.optimizer.init_args.lr: fast is not accepted: expected float",
    ),
    "none of the choices": (
        ["fit", *QUICK, "--model.scheduler_interval=week"],
        "model.scheduler_interval: week is not accepted: expected epoch or step.",
    ),
    "no such class": (
        ["fit", *QUICK, "--model.network=digitrec.CNN"],
        "model.network: there is no CNN in digitrec.",
    ),
    "no class": (["fit", *QUICK, "--model.network=os.system"], "model.network: os.system is no Module."),
    "a class without its argument": (
        ["fit", *QUICK, "--model.scheduler=torch.optim.lr_scheduler.OneCycleLR"],
        "model.scheduler: the class needs max_lr in its init_args.",
    ),
    "no batch": (["fit", *QUICK, "--data.batch_size=0"], "data.batch_size must be at least 1, not 0"),
    "a negative learning rate": (
        ["fit", *QUICK, "--model.optimizer.init_args.lr=-1"],
        "model.optimizer: Invalid learning rate: -1.0",
    ),
    "a schedule of epochs by the step": (
        [
            *("fit", *QUICK, "--model.scheduler=torch.optim.lr_scheduler.StepLR"),
            *("--model.scheduler.init_args.step_size=3", "--model.scheduler_interval=step"),
        ],
        "model.scheduler, by the step: StepLR.__init__() got an unexpected keyword argument 'total_steps'",
    ),
    "no GPU": (
        ["fit", *QUICK, "--trainer.accelerator=gpu"],
        "trainer.accelerator: no GPU was found. Use cpu or auto.",
    ),
    "no TPU": (["fit", *QUICK, "--trainer.accelerator=tpu"], ""),
    "no file": (
        ["test", "--ckpt_path=no.ckpt"],
        "There is no checkpoint no.ckpt: give a file, best or last.",
    ),
    "a folder": (
        ["test", "--ckpt_path=data"],
        "data is a folder, not a checkpoint: give a file, best or last.",
    ),
    "a URL": (
        ["test", "--ckpt_path=https://example.org/x.ckpt"],
        "--ckpt_path https://example.org/x.ckpt is a URL: download it and give the file's path.",
    ),
}


@pytest.fixture
def no_accelerator(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


@pytest.mark.parametrize(("args", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_and_leaves_no_run(args, said, mistake, no_accelerator):
    assert mistake(*args).startswith(said)


CONFIGS = {
    "an unknown key": (
        "trainer:\n  max_epochz: 1\n",
        "trainer.max_epochz: there is no such key; see python -m",
    ),
    "a wrong type": (
        "trainer:\n  max_epochs: many\n",
        "own.yaml: trainer.max_epochs: many is not accepted: expected",
    ),
    "broken YAML": ("data:\n  batch_size: [1\n", "own.yaml: the YAML is broken near line 2."),
    "text": (
        "train for long\n",
        "own.yaml: this is no config: keys and values are expected, as in configs/mlp.yaml.",
    ),
    "nothing": ("", "own.yaml: this is no config: keys and values are expected, as in configs/mlp.yaml."),
    "binary": (b"\x00\xff\xfe", "own.yaml: this is no text file."),
}


@pytest.mark.parametrize(("content", "said"), CONFIGS.values(), ids=CONFIGS)
def test_a_mistake_in_a_config_names_the_file_or_the_key(content, said, mistake, workplace):
    content = content if isinstance(content, bytes) else content.encode()
    (workplace / "own.yaml").write_bytes(content)
    assert mistake("fit", MLP, "--config=own.yaml").startswith(said)


def test_a_mistake_in_a_config_is_named_also_where_there_is_a_checkpoint(path, mistake, workplace):
    (workplace / "own.yaml").write_text("trainer:\n  max_epochz: 1\n")
    assert mistake("test", "--config=own.yaml").startswith(
        "trainer.max_epochz: there is no such key; see python"
    )
    assert mistake("test", "--data.eval_batch_size=many").startswith(
        "data.eval_batch_size: many is not accepted"
    )


def test_a_list_of_sources_keeps_its_lines(digitrec, monkeypatch):
    from digitrec.data import datamodule as data
    from digitrec.errors import MNISTUnavailableError

    def unavailable(folder):
        raise MNISTUnavailableError("No source.\n  one: down\n  two: down")

    monkeypatch.setattr(data, "ensure_mnist", unavailable)
    status, _, error = digitrec("fit", *QUICK)
    assert (status, error.splitlines()[-3:]) == (1, ["digitrec: No source.", "  one: down", "  two: down"])
    assert not Path("lightning_logs").exists()


def test_a_run_folder_that_cannot_be_made_is_named(mistake, workplace):
    (workplace / "lightning_logs").write_text("a file")
    assert re.fullmatch(r".*lightning_logs.*: (Not a directory|File exists)", mistake("fit", *QUICK))


def test_unsafe_loading_is_refused(path, mistake):
    said = "--weights_only false lets a checkpoint run code: leave it out."
    assert mistake("test", "--weights_only=false") == said


def test_a_damaged_checkpoint_is_named_also_when_it_was_not_asked_for_by_name(path, mistake):
    path.write_bytes(path.read_bytes()[:10_000])
    assert mistake("test") == f"{path} is damaged, or no checkpoint at all: choose another."


def change(path, changes):
    content = torch.load(path, weights_only=True)
    changes(content)
    torch.save(content, path)


def test_weights_of_another_network_are_refused(path, mistake):
    change(path, lambda content: content["hyper_parameters"]["network"]["init_args"].update(hidden=[8]))
    assert mistake("test") == f"The weights in {path} don't fit the network that it names."


def test_hyperparameters_that_the_model_does_not_know_are_another_projects(path, mistake):
    change(path, lambda content: content["hyper_parameters"].update(dropout=0.5))
    assert mistake("test") == f"{path} is not a checkpoint of digitrec: choose another."


@pytest.mark.parametrize(("logger", "package"), [("WandbLogger", "wandb"), ("MLFlowLogger", "mlflow")])
def test_a_logger_whose_package_is_missing_says_which(logger, package, mistake):
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    said = mistake("fit", *QUICK, f"--trainer.logger=lightning.pytorch.loggers.{logger}")
    assert said == f"{logger} needs the package {package}, which is not installed: pip install {package}."


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_a_class_from_elsewhere_is_refused_and_never_imported(
    subcommand, path, mistake, workplace, monkeypatch
):
    (workplace / "foreign.py").write_text("import pathlib\npathlib.Path('trace').touch()\nclass Net: ...\n")
    monkeypatch.syspath_prepend(workplace)
    change(path, lambda content: content["hyper_parameters"].update(network={"class_path": "foreign.Net"}))
    said = f"The checkpoint {path} names foreign.Net, which is no class of digitrec or torch, so it is not"
    assert mistake(subcommand, *QUICK, f"--ckpt_path={path}").startswith(said)
    if subcommand != "fit":
        assert mistake(subcommand).startswith(said)
    assert "foreign" not in sys.modules
    assert not Path("trace").exists()


def test_from_python_a_mistake_is_an_exception(workplace):
    with pytest.raises(CheckpointError):
        DigitCLI(["test"])
    with pytest.raises(ArgumentError):
        DigitCLI(["fit"])


# What is printed


def test_no_command_prints_a_warning_or_a_tip_that_nobody_can_act_on(digitrec, workplace, caplog):
    caplog.set_level(logging.INFO)
    longer = f"--config={ROOT}/configs/trainer/debug.yaml"
    for command in (
        ["fit", MLP, longer, "--data.val_size=50"],
        *(["validate"], ["test"], ["predict"], ["test", MLP, "--data.val_size=50"]),
        ["fit", MLP, longer, "--data.val_size=50", "--ckpt_path=last", "--trainer.max_epochs=2"],
        ["fit", MLP, longer, "--data.val_size=0"],
    ):
        caplog.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            status, out, error = digitrec(*command)
        assert status == 0
        assert [str(warning.message) for warning in caught] == []
        said = out + error + caplog.text
        assert not re.search(r"[Ww]arning|deprecated|litlogger|litmodels|num_workers", said), said


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help_and_print_config_need_no_checkpoint(subcommand, workplace, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([subcommand, "--help"])
    assert stopped.value.code == 0
    assert "--ckpt_path" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main([subcommand, MLP, "--print_config"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "class_path: digitrec.models.MLP" in printed
    assert "batch_size: 64" in printed


def test_a_printed_config_trains(fit, workplace, capsys):
    with pytest.raises(SystemExit):
        main(["fit", *QUICK, "--print_config"])
    (workplace / "own.yaml").write_text(capsys.readouterr().out)
    assert DigitCLI(["fit", "--config=own.yaml"]).trainer.global_step == 6


def test_predict_makes_a_run_folder_of_its_own_and_prints_where_the_file_is(fit, digitrec):
    run = fit()
    before = set(Path("lightning_logs").iterdir())
    status, out, _ = digitrec("predict")
    (new,) = set(Path("lightning_logs").iterdir()) - before
    assert status == 0
    assert new != folder(run)
    assert f"Predictions: {new}/predictions.csv" in out
    assert len((new / "predictions.csv").read_text().splitlines()) == 1 + TEST


def test_python_m_digitrec_gives_the_exit_status(workplace):
    command = [sys.executable, "-m", "digitrec", "test"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("digitrec: There is no trained run in lightning_logs")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["--data.val_size=0", f"--config={ROOT}/configs/trainer/early_stopping.yaml"],
            "val/acc, but data.val_size is 0",
        ),
        (["--model.scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau"], "ReduceLROnPlateau"),
        (["--model.network=torchmetrics.MeanMetric"], "torchmetrics"),
    ],
)
def test_what_would_fail_late_is_said_before_there_is_a_run_folder(args, said, workplace, capsys):
    assert main(["fit", f"--config={ROOT}/configs/mlp.yaml", *args]) == 1
    assert said in capsys.readouterr().err
    assert not (workplace / "lightning_logs").exists()
