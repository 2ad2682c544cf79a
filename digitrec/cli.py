"""The command line: Lightning's, with the checkpoint chosen for the user and one sentence for a mistake.

python -m digitrec {fit,validate,test,predict} [--config FILE] [--ckpt_path best|last|FILE] [--KEY VALUE ...]
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import digitrec.startup  # noqa: F401 - before Lightning, which imports torchmetrics

# isort: split
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from digitrec.callbacks import PredictionsWriter, RunConfig
from digitrec.checkpoints import (
    CheckpointError,
    check_config,
    differences,
    find_checkpoint,
    foreign_names,
    read_checkpoint,
)
from digitrec.classifier import DigitClassifier
from digitrec.data import MNISTDataModule
from digitrec.download import MNISTUnavailableError
from digitrec.lean import lighten
from digitrec.messages import sentence, silence_what_no_user_can_change
from digitrec.reports import Figures, ReportWriter

LOGGER = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": ".", "name": "lightning_logs", "default_hp_metric": False},
}
"""The logger where no config names one; it is also where runs are looked for."""

SPLIT = ("val_size", "split_seed")
"""The data keys that say which images a checkpoint was not trained on."""


class ConfigParser(LightningArgumentParser):
    """Lightning's parser, which also says in which config a mistake is."""

    def parse_path(self, path: Any, *args: Any, **kwargs: Any) -> Namespace:
        """Parse a config file."""
        try:
            parsed: Namespace = super().parse_path(path, *args, **kwargs)
        except (ArgumentError, TypeError, UnicodeDecodeError) as error:
            raise ArgumentError(None, f"{path}: {error}") from error
        return parsed


class DigitCLI(LightningCLI):
    """LightningCLI for DigitClassifier and MNISTDataModule that never runs an untrained network.

    Args:
        args: what stands behind the program's name on a command line; None takes it from there.

    Raises:
        ArgumentError, CheckpointError, MisconfigurationException, MNISTUnavailableError: a user's mistake.
    """

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._weights: dict[str, Any] | None = None  # of the checkpoint
        raising = {"exit_on_error": False}  # main makes a sentence of what is raised
        super().__init__(
            DigitClassifier,
            MNISTDataModule,
            args=None if args is None else list(args),
            auto_configure_optimizers=False,
            seed_everything_default=1,
            trainer_defaults={"logger": LOGGER},
            save_config_callback=RunConfig,
            parser_class=ConfigParser,
            parser_kwargs={**raising, **{name: dict(raising) for name in self.subcommands()}},
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the callbacks that must be there also when no config names them."""
        parser.add_lightning_class_args(PredictionsWriter, "predictions")
        parser.add_lightning_class_args(Figures, "figures")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse with the model of the chosen checkpoint as the default, and refuse what contradicts it."""
        path = self._choose_checkpoint(parser, sys.argv[1:] if args is None else args)
        if path is None:
            super().parse_arguments(parser, args)
            return
        checkpoint = read_checkpoint(path)
        model, data = checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"]
        defaults = {f"model.{key}": value for key, value in model.items()}
        defaults |= {f"data.{key}": data[key] for key in SPLIT if key in data}
        for subparser in self._subcommand_parsers.values():
            try:
                subparser.set_defaults(defaults)
            except KeyError as error:
                raise CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.") from error
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        check_config(config.as_dict(), self.config.subcommand, checkpoint, path)
        self._weights = checkpoint["state_dict"]
        config.ckpt_path, config.weights_only = str(path), True
        resumed = " (resumed in a new run folder, with the best of the epochs to come)"
        print(f"Checkpoint: {path}{resumed if self.config.subcommand == 'fit' else ''}")

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; a value that one of them refuses is the user's mistake."""
        with _users_mistakes():
            super().instantiate_classes()
        if self._weights is None:
            return
        try:
            self.model.load_state_dict(self._weights)
        except RuntimeError as error:
            path = self.config[self.subcommand].ckpt_path
            raise CheckpointError(f"The weights in {path} don't fit the network that it names.") from error

    def before_fit(self) -> None:
        """Try what would fail late: the classes, the optimizer, the schedule and what is watched."""
        for name in foreign_names(self.config.fit.model.as_dict(), {}):
            raise MisconfigurationException(
                f"{name} is no class of digitrec or torch, so its checkpoints would be refused: "
                "move it into digitrec."
            )
        watching: list[Any] = self.trainer.early_stopping_callbacks
        with _users_mistakes("model.optimizer: "):
            optimizer = self.model.optimizer(self.model.network.parameters())
        if self.model.scheduler is not None:
            with _users_mistakes(f"model.scheduler, by the {self.model.scheduler_interval}: "):
                scheduler = self.model.build_scheduler(optimizer, total_steps=1)
            if isinstance(scheduler, ReduceLROnPlateau) and not hasattr(scheduler, "monitor"):
                raise MisconfigurationException(
                    "model.scheduler: torch's ReduceLROnPlateau does not say what it watches; name "
                    "lightning.pytorch.cli.ReduceLROnPlateau with its monitor."
                )
            watching.append(scheduler)
        for watcher in watching:
            if not self.datamodule.val_size and str(getattr(watcher, "monitor", "")).startswith("val/"):
                raise MisconfigurationException(
                    f"{type(watcher).__name__} watches {watcher.monitor}, but data.val_size is 0."
                )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, spared the work that has no result."""
        trainer = super().instantiate_trainer(**kwargs)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        if self.subcommand != "predict":
            callbacks[:] = [callback for callback in callbacks if not isinstance(callback, PredictionsWriter)]
        if self.subcommand == "test":
            callbacks.append(ReportWriter())
        # First, since weight averaging takes its weights out of the network when a validation ends.
        callbacks.sort(key=lambda callback: not isinstance(callback, Figures))
        lighten(trainer)
        return trainer

    def _choose_checkpoint(self, parser: LightningArgumentParser, args: list[str]) -> Path | None:
        """Find the checkpoint that is meant; None to train from scratch or where nothing is to run."""
        if any(arg in ("-h", "--help") or arg.startswith("--print_config") for arg in args):
            return None
        given = _explicit(parser, args)
        subcommand = given.subcommand
        given = given[subcommand]
        which = given.get("ckpt_path")
        if which is None and subcommand == "fit":
            return None
        if "://" in (which or ""):
            raise CheckpointError(f"--ckpt_path {which} is a URL: download it and give the file's path.")
        return Path(which) if which not in (None, "best", "last") else _newest(which, given)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, or 1 after a user's mistake, with one sentence on standard error.
    """
    silence_what_no_user_can_change()
    try:
        DigitCLI(args)
    except MNISTUnavailableError as error:
        said = str(error)  # a list of sources and files, easier to read as one
    except (ArgumentError, CheckpointError, MisconfigurationException, OSError) as error:
        said = sentence(error)
    else:
        return 0
    print(f"digitrec: {said}", file=sys.stderr)
    return 1


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


def _runs_folders(given: Namespace) -> list[Path]:
    """Where the config's logger keeps its runs; without a logger also where checkpoints lie then."""
    logger = given.get("trainer.logger")
    first = logger[0] if isinstance(logger, list) and logger else logger
    init_args = first.get("init_args", {}) if isinstance(first, Namespace | dict) else {}
    init_args = {**LOGGER["init_args"], **dict(init_args)}  # type: ignore[dict-item]
    folders = [Path(init_args["save_dir"] or ".").expanduser() / (init_args["name"] or "")]
    if logger is False:
        folders.append(Path(given.get("trainer.default_root_dir") or ".") / "checkpoints")
    return folders


def _newest(which: str | None, given: Namespace) -> Path:
    folders = _runs_folders(given)
    path = _find_matching(which, folders, given.get("model") or {})
    if path is None:
        of_this_network = " of the config's network" if given.get("model.network") else ""
        raise CheckpointError(
            f"There is no trained run{of_this_network} in {folders[0]}: train one with "
            "python -m digitrec fit --config configs/mlp.yaml, or give a file with --ckpt_path."
        )
    return path


def _find_matching(which: str | None, folders: Sequence[Path], given: Any) -> Path | None:
    """The newest run whose model is wholly the given one; failing that, whose network is."""
    if not given.get("network"):
        return find_checkpoint(which, folders)
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--model.network", type=nn.Module)
    network = parser.parse_object({"model": {"network": given["network"]}}).model.as_dict()
    path = None
    with suppress(ArgumentError):  # the given model is not whole
        parser = LightningArgumentParser(exit_on_error=False)
        parser.add_lightning_class_args(DigitClassifier, "model")
        model = parser.parse_object({"model": given}).model.as_dict()  # with the defaults of the classes
        path = find_checkpoint(which, folders, lambda known: not any(differences(model, known)))
    return path or find_checkpoint(which, folders, lambda known: not any(differences(network, known)))


@contextmanager
def _users_mistakes(prefix: str = "") -> Iterator[None]:
    """Take what a class refuses for a mistake in the config."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, ImportError) as error:
        raise MisconfigurationException(f"{prefix}{error}") from error
