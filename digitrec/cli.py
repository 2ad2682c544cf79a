"""The command line: Lightning's, with the checkpoint chosen for the user and one sentence for a mistake.

python -m digitrec {fit,validate,test,predict} [--config FILE] [--ckpt_path best|last|FILE] [--KEY VALUE ...]
"""

import logging
import pydoc
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from torch import nn

from digitrec.callbacks import PredictionsWriter, RunConfig
from digitrec.checkpoints import CheckpointError, find_checkpoint, read_checkpoint
from digitrec.classifier import DigitClassifier
from digitrec.data import MNISTDataModule
from digitrec.download import MNISTUnavailableError
from digitrec.lean import lighten

LOGGER = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": ".", "name": "lightning_logs", "default_hp_metric": False},
}
"""The logger where no config names one; it is also where runs are looked for."""

SPLIT = ("val_size", "split_seed")
"""The data keys that say which images a checkpoint was not trained on."""


class DigitCLI(LightningCLI):
    """LightningCLI for DigitClassifier and MNISTDataModule that never runs an untrained network.

    Args:
        args: what stands behind the program's name on a command line; None takes it from there.

    Raises:
        ArgumentError, CheckpointError, MisconfigurationException, MNISTUnavailableError: a user's mistake.
    """

    def __init__(self, args: Sequence[str] | None = None) -> None:
        raising = {"exit_on_error": False}  # main makes a sentence of what is raised
        super().__init__(
            DigitClassifier,
            MNISTDataModule,
            args=None if args is None else list(args),
            auto_configure_optimizers=False,
            seed_everything_default=1,
            trainer_defaults={"logger": LOGGER},
            save_config_callback=RunConfig,
            parser_kwargs={**raising, **{name: dict(raising) for name in self.subcommands()}},
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the writer of predictions, which must be there also when no config names it."""
        parser.add_lightning_class_args(PredictionsWriter, "predictions")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse with the model of the chosen checkpoint as the default, and refuse what contradicts it."""
        path = self._choose_checkpoint(parser, sys.argv[1:] if args is None else args)
        if path is None:
            super().parse_arguments(parser, args)
            return
        checkpoint = read_checkpoint(path)
        model, data = checkpoint["hyper_parameters"], checkpoint.get("datamodule_hyper_parameters", {})
        for subparser in self._subcommand_parsers.values():
            subparser.set_defaults({f"model.{key}": value for key, value in model.items()})
            subparser.set_defaults({f"data.{key}": data[key] for key in SPLIT if key in data})
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        for key, given, known in _differences(config.model.as_dict(), model):
            raise CheckpointError(
                f"model.{key} is {given} but {known} in the checkpoint {path}, which knows its own model: "
                "leave the key out, or choose another checkpoint with --ckpt_path."
            )
        if config.weights_only is False:
            raise CheckpointError("--weights_only false lets a checkpoint run code: leave it out.")
        config.ckpt_path, config.weights_only = str(path), True
        print(f"Checkpoint: {path}")

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; a value that one of them refuses is the user's mistake."""
        try:
            super().instantiate_classes()
        except (TypeError, ValueError) as error:
            raise MisconfigurationException(str(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, spared the work that has no result."""
        trainer = super().instantiate_trainer(**kwargs)
        if self.subcommand != "predict":
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            callbacks[:] = [callback for callback in callbacks if not isinstance(callback, PredictionsWriter)]
        lighten(trainer)
        return trainer

    def _choose_checkpoint(self, parser: LightningArgumentParser, args: list[str]) -> Path | None:
        """Find the checkpoint that is meant; None to train from scratch or where nothing is to run."""
        if any(arg in ("-h", "--help") or arg.startswith("--print_config") for arg in args):
            return None
        given = _explicit(parser, args)
        subcommand = given.subcommand
        given = given[subcommand]
        ckpt_path = given.get("ckpt_path")
        if ckpt_path is None and subcommand == "fit":
            return None
        if ckpt_path not in (None, "best", "last"):
            if "://" in ckpt_path:
                raise CheckpointError(
                    f"--ckpt_path {ckpt_path} is a URL: download it and give the file's path."
                )
            return Path(ckpt_path)
        folder = _runs_folder(given)
        path = _find_matching(ckpt_path, folder, given.get("model") or {})
        if path is None:
            of_this_model = " of the config's network" if given.get("model.network") else ""
            raise CheckpointError(
                f"There is no trained run{of_this_model} in {folder}: train one with "
                "python -m digitrec fit --config configs/mlp.yaml, or give a file with --ckpt_path."
            )
        return path


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, or 1 after a user's mistake, with one sentence on standard error.
    """
    silence_what_no_user_can_change()
    try:
        DigitCLI(args)
    except (
        ArgumentError,
        CheckpointError,
        MisconfigurationException,
        MNISTUnavailableError,
        OSError,
    ) as error:
        print(f"digitrec: {_sentence(error)}", file=sys.stderr)
        return 1
    return 0


def silence_what_no_user_can_change() -> None:
    """Drop the warnings and tips, each by its name, that a user can do nothing about."""
    # Lightning 2.6 with torch 2.14; gone when Lightning asks the tree itself.
    warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated")
    # The images lie in memory: loader processes only make it slower.
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    # With data.val_size 0 there is nothing to choose a best checkpoint by; README says so.
    warnings.filterwarnings("ignore", message=".*could not find the monitored key")

    # Evaluation needs no callback of the training run, and writes into a folder of its own.
    warnings.filterwarnings("ignore", message=".*callbacks used to create the checkpoint need to be provided")
    warnings.filterwarnings("ignore", message=".*The dirpath has changed from")

    def is_no_advertisement(record: logging.LogRecord) -> bool:
        return not any(product in record.getMessage() for product in ("litlogger", "litmodels"))

    for name in ("lightning.pytorch.utilities.rank_zero", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).addFilter(is_no_advertisement)


def _explicit(parser: ArgumentParser, args: list[str]) -> Namespace:
    """What the user's files and command line say themselves, without any default."""

    def parse(args: list[str]) -> Namespace:
        parsed: Namespace = parser.parse_args(args, defaults=False, _skip_validation=True)
        return parsed

    try:
        return parse(args)
    except ArgumentError:
        # A key inside a network whose class nobody named: only the checkpoint can tell whether it fits.
        return parse(_without_options(args, "--model."))


def _without_options(args: list[str], prefix: str) -> list[str]:
    kept: list[str] = []
    after_option = False
    for arg in args:
        if arg.startswith(prefix):
            after_option = "=" not in arg
        elif after_option:
            after_option = False
        else:
            kept.append(arg)
    return kept


def _runs_folder(given: Namespace) -> Path:
    logger = given.get("trainer.logger")
    if logger is False:
        return Path(given.get("trainer.default_root_dir") or ".")
    init_args = logger.get("init_args", {}) if isinstance(logger, Namespace | dict) else {}
    init_args = {**LOGGER["init_args"], **dict(init_args)}  # type: ignore[dict-item]
    return Path(init_args["save_dir"]) / (init_args["name"] or "")


def _find_matching(which: str | None, folder: Path, given: Namespace | dict[str, Any]) -> Path | None:
    """The newest run whose model is wholly the given one; failing that, whose network is."""
    if not given.get("network"):
        return find_checkpoint(which, folder)
    given = given.as_dict() if isinstance(given, Namespace) else given
    network_parser = ArgumentParser(exit_on_error=False)
    network_parser.add_argument("--network", type=nn.Module)
    spec = {"network": given["network"]}
    network = network_parser.parse_object(spec).as_dict()  # with the defaults of the class

    def same_network(model: dict[str, Any]) -> bool:
        return not list(_differences(network, model))

    def same_model(model: dict[str, Any]) -> bool:
        return same_network(model) and not list(_differences(given, model))

    return find_checkpoint(which, folder, same_model) or find_checkpoint(which, folder, same_network)


def _differences(
    given: dict[str, Any], known: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Keys that both have with another value: (key, given value, known value)."""
    for key in sorted(given.keys() & known.keys()):
        ours, theirs = given[key], known[key]
        if key == "class_path" and pydoc.locate(ours) is pydoc.locate(theirs):
            continue  # digitrec.MLP is digitrec.networks.MLP
        if isinstance(ours, dict) and isinstance(theirs, dict):
            differences = list(_differences(ours, theirs, f"{prefix}{key}."))
            yield from differences[:1]  # of another class the arguments don't compare
        elif _plain(ours) != _plain(theirs):
            yield f"{prefix}{key}", _plain(ours), _plain(theirs)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _sentence(error: Exception) -> str:
    """What jsonargparse and Lightning say over many lines, in one."""
    if isinstance(error, MNISTUnavailableError):
        return str(error)  # a list of sources and files, which is easier to read as one
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    text = str(error)
    key = re.search(r'Parser key "([^"]+)"', text)
    value = re.search(r"Given value: (.*)", text)
    if key and value:
        expected = list(dict.fromkeys(re.findall(r"Expected an? <class '(\w+)'>", text)))
        wanted = f": expected {' or '.join(expected)}" if expected else ""
        return f"{key[1]}: {value[1]} is not accepted{wanted}."
    for said, sentence in _PLAINER:
        text = re.sub(said, sentence, text, flags=re.DOTALL)
    return " ".join(text.split())


_PLAINER = (
    (r'Parser key "([^"]+)":', r"\1:"),
    (r"- Expected a path but \S+ either not accessible or invalid", ""),
    (r"Type typing\.Callable.* expects a function or a callable class:", ""),
    (r"Got value: .*", ""),
    (r"Problem with given class_path '\S+':", ""),
    (r"(.*arguments are required.*)", r"\1: give an experiment, for example --config configs/mlp.yaml."),
    (r"No supported gpu backend found!", "trainer.accelerator: no GPU was found. Use cpu or auto."),
)
"""Patterns in the messages of the libraries, and what stands in their place."""
