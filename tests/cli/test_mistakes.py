"""A user's mistake on the command line or in a config: one sentence, and no run folder."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonargparse import ArgumentError

from digitrec.cli import DigitCLI
from digitrec.errors import CheckpointError
from tests.cli.conftest import MLP, QUICK
from tests.conftest import ROOT

MISTAKES = {
    "an unknown option": (
        ["fit", *QUICK, "--trainer.max_epochz=3"],
        "--trainer.max_epochz=3: there is no such option. Did you mean --trainer.max_epochs?",
    ),
    "an unknown argument of a class": (
        ["fit", *QUICK, "--model.network.init_args.hiden=3"],
        "model.network.init_args.hiden: there is no such key. Did you mean model.network.init_args.hidden?",
    ),
    "a key without dashes": (
        ["fit", *QUICK, "trainer.max_epoch=3"],
        "trainer.max_epoch=3: to which option does this belong? Did you mean --trainer.max_epochs?",
    ),
    "the last part of a key": (
        ["fit", *QUICK, "--model.lr=3"],
        "--model.lr=3: there is no such option. Did you mean --model.optimizer.init_args.lr?",
    ),
    "a key without its group": (
        ["fit", *QUICK, "--max_epochs=3"],
        "--max_epochs=3: there is no such option. Did you mean --trainer.max_epochs?",
    ),
    "an abbreviation": (
        ["fit", "--conf=a.yaml"],
        "--conf=a.yaml: there is no such option. Did you mean --config?",
    ),
    "an abbreviation in an evaluation": (["test", "--mod=x"], "--mod=x: there is no such option. Did"),
    "a config without its option": (
        ["fit", "configs/fast.yaml"],
        "configs/fast.yaml: to which option does this belong? Did you mean --config configs/fast.yaml?",
    ),
    "a picture without its option": (
        ["predict", "seven.JPG"],
        "seven.JPG: to which option does this belong? Did you mean --data.pictures seven.JPG?",
    ),
    "a command of the detector": (
        ["detector", "tset"],
        "There is no command tset: choose from 'fit', 'validate'.",
    ),
    "no command of the detector": (["detector"], "Name a command: fit or validate; see --help."),
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
        "model.network.init_args.hidden: wide is not accepted: expected list, as in [128, 64].",
    ),
    "null for a list": (
        ["fit", *QUICK, "--model.network.init_args.hidden=null"],
        "hidden must be a list of widths of at least 1, as in [128, 64], not None",
    ),
    "null for a folder": (
        ["fit", *QUICK, "--data.data_dir=null"],
        "data.data_dir must be the name of a folder",
    ),
    "two experiments": (
        ["fit", MLP, f"--config={ROOT}/configs/best.yaml"],
        f"{ROOT}/configs/mlp.yaml and {ROOT}/configs/best.yaml are two complete experiments: give one",
    ),
    "the folder above as a name": (
        ["fit", *QUICK, "--name=.."],
        "--name .. cannot be the name of a run's folder",
    ),
    "a folder of evaluations as a name": (
        ["fit", *QUICK, "--name=test"],
        "--name test cannot be the name of a",
    ),
    "a name with a slash": (
        ["fit", *QUICK, "--name=a/b"],
        "--name a/b cannot be the name of a run's folder: choose another, without a slash.",
    ),
    "a name without a logger": (
        ["fit", *QUICK, "--name=a", "--trainer.logger=false"],
        "--name a needs TensorBoardLogger or CSVLogger as trainer.logger.",
    ),
    "a missing experiment": (
        ["fit", "--config=configs/mlp.yaml"],
        "--config: there is no file /",
    ),
    "values of no option": (
        ["fit", *QUICK, "more"],
        "more: to which option does this belong? See digitrec fit --help.",
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
        ["fit", *QUICK, "--model.network=digitrec.models.MPL"],
        "model.network: there is no MPL in digitrec.models. Did you mean MLP?",
    ),
    "no class": (["fit", *QUICK, "--model.network=os.system"], "model.network: os.system is not a Module."),
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


@pytest.mark.parametrize(("args", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_prints_one_sentence_and_makes_no_run(args, message, mistake, no_accelerator):
    assert mistake(*args, status=[1 if "a file" in message else 2]).startswith(message)


CONFIGS = {
    "an unknown key": (
        "trainer:\n  max_epochz: 1\n",
        "trainer.max_epochz: there is no such key. Did you mean trainer.max_epochs?",
    ),
    "a wrong type": (
        "trainer:\n  max_epochs: many\n",
        "own.yaml: trainer.max_epochs: many is not accepted: expected",
    ),
    "broken YAML": ("data:\n  batch_size: [1\n", "own.yaml: the YAML is broken near line 2."),
    "text": (
        "train for long\n",
        "own.yaml: this is not a config: keys and values are expected, as in configs/mlp.yaml.",
    ),
    "nothing": ("", "own.yaml: this is not a config: keys and values are expected, as in configs/mlp.yaml."),
    "binary": (b"\x00\xff\xfe", "own.yaml: this is not a text file."),
}


@pytest.mark.parametrize(("content", "message"), CONFIGS.values(), ids=CONFIGS)
def test_mistake_in_config_names_file_or_key(content, message, mistake, workplace):
    content = content if isinstance(content, bytes) else content.encode()
    (workplace / "own.yaml").write_bytes(content)
    assert mistake("fit", MLP, "--config=own.yaml").startswith(message)


def test_mistake_in_config_is_named_when_there_is_a_checkpoint(path, mistake, workplace):
    (workplace / "own.yaml").write_text("trainer:\n  max_epochz: 1\n")
    assert mistake("test", "--config=own.yaml").startswith(
        "trainer.max_epochz: there is no such key. Did you mean"
    )
    assert mistake("test", "--data.eval_batch_size=many").startswith(
        "data.eval_batch_size: many is not accepted"
    )


def test_error_of_several_lines_is_printed_as_such(digitrec, monkeypatch):
    from digitrec.data import datamodule as data
    from digitrec.errors import MNISTUnavailableError

    def unavailable(folder):
        raise MNISTUnavailableError("No source.\n  one: down\n  two: down")

    monkeypatch.setattr(data, "ensure_mnist", unavailable)
    status, _, error = digitrec("fit", *QUICK)
    assert (status, error.splitlines()[-3:]) == (1, ["digitrec: No source.", "  one: down", "  two: down"])
    assert not Path("lightning_logs").exists()


def test_run_folder_that_cannot_be_made_is_named(mistake, workplace):
    (workplace / "lightning_logs").write_text("a file")
    assert re.fullmatch(r".*lightning_logs.*: (Not a directory|File exists)", mistake("fit", *QUICK))


@pytest.mark.parametrize(("logger", "package"), [("WandbLogger", "wandb"), ("MLFlowLogger", "mlflow")])
def test_missing_package_of_a_logger_is_named(logger, package, mistake):
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    message = mistake("fit", *QUICK, f"--trainer.logger=lightning.pytorch.loggers.{logger}")
    assert message == f"{logger} needs the package {package}, which is not installed: pip install {package}."


def test_cli_raises_when_called_from_python(workplace):
    with pytest.raises(CheckpointError):
        DigitCLI(["test"])
    with pytest.raises(ArgumentError):
        DigitCLI(["fit"])
