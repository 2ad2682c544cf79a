"""The command line: Lightning's, with the checkpoint chosen for the user and one sentence for a mistake.

python -m digitrec {fit,validate,test,predict} [--config FILE] [--KEY VALUE ...]
                   [--ckpt_path best|last|pretrained|FILE]
"""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import digitrec.training.startup  # noqa: F401 - before Lightning, which imports torchmetrics

# isort: split
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from digitrec.data.datamodule import MNISTDataModule
from digitrec.data.mnist import MNISTUnavailableError
from digitrec.models.checkpoints import (
    PRETRAINED,
    CheckpointError,
    check_config,
    foreign_names,
    read_checkpoint,
)
from digitrec.reading.files import PictureError
from digitrec.training.callbacks.divergence import DivergedError, RunStoppedError, StopAtDivergence
from digitrec.training.callbacks.exact_resume import ExactResume
from digitrec.training.callbacks.figures import Figures, ReportWriter
from digitrec.training.callbacks.last_checkpoint import AtomicCheckpointIO
from digitrec.training.callbacks.outputs import PredictionsWriter, RunConfig
from digitrec.training.classifier import DigitClassifier
from digitrec.training.messages import sentence, silence_what_no_user_can_change
from digitrec.training.overhead import lighten
from digitrec.training.preflight import try_out, users_mistakes
from digitrec.training.processes import check_started, is_first, is_first_of_machine, lost_connection
from digitrec.training.resume_checks import check_resume, decisive
from digitrec.training.run_folder import own_logger, writing_on
from digitrec.training.runs import LOGGER, newest_run

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
        self._checkpoint: dict[str, Any] | None = None
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
        self._checkpoint = checkpoint
        config.ckpt_path, config.weights_only = str(path), True
        how = ""
        if self.config.subcommand == "fit":
            new = bool(config.trainer.logger) and not own_logger(config)
            check_resume(config.as_dict(), checkpoint, path, new)
            how = " (a new run starts from it)" if new else " (its run goes on)"
        if is_first():
            print(f"Checkpoint: {path}{how}")

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; a value that one of them refuses is the user's mistake."""
        config, checkpoint = self.config[self.config.subcommand], self._checkpoint
        resumed = self.config.subcommand == "fit" and checkpoint
        with writing_on(config, resumed["global_step"]) if resumed else nullcontext(), users_mistakes():
            super().instantiate_classes()
        if checkpoint is None:
            return
        try:
            self.model.load_state_dict(checkpoint["state_dict"])
        except RuntimeError as error:
            path = config.ckpt_path
            raise CheckpointError(f"The weights in {path} don't fit the network that it names.") from error

    def before_fit(self) -> None:
        """Try what would fail late."""
        for name in foreign_names(self.config.fit.model.as_dict(), {}):
            raise MisconfigurationException(
                f"{name} is no class of digitrec or torch, so its checkpoints would be refused: "
                "move it into digitrec."
            )
        try_out(self.model, self.datamodule.val_size, self.trainer)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, spared the work that has no result."""
        trainer = super().instantiate_trainer(**kwargs)
        check_started(trainer)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        if self.subcommand != "predict":
            callbacks[:] = [callback for callback in callbacks if not isinstance(callback, PredictionsWriter)]
        if self.subcommand == "test":
            callbacks.append(ReportWriter())
        # First, since weight averaging takes its weights out of the network when a validation ends.
        callbacks.sort(key=lambda callback: not isinstance(callback, Figures))
        if self.subcommand == "fit":
            config = self.config.fit.trainer.as_dict()
            callbacks[:0] = [ExactResume(decisive(config)), StopAtDivergence()]
            if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
                trainer.strategy.checkpoint_io = AtomicCheckpointIO()
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
        if which == "pretrained":
            if subcommand == "fit":
                raise CheckpointError(
                    "pretrained cannot be resumed: fit trains from the start, without --ckpt_path."
                )
            return PRETRAINED
        return Path(which) if which not in (None, "best", "last") else newest_run(which, given)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 128 + the number of a signal that stopped the run, or 1 after a user's mistake,
        a full disk, a training that diverged or a picture that could not be read; each with one sentence on
        standard error.
    """
    status = 1
    if isinstance(sys.stdout, TextIOWrapper):  # a name may have what a terminal's encoding has not
        sys.stdout.reconfigure(errors="backslashreplace")
    silence_what_no_user_can_change()
    try:
        cli = DigitCLI(args)
    except MNISTUnavailableError as error:
        said = str(error)  # a list of sources and files, easier to read as one
    except (RunStoppedError, DivergedError) as error:
        if not is_first():  # all processes agree on it: one says it
            return error.status
        said, status = str(error), error.status
    except (ArgumentError, CheckpointError, MisconfigurationException, PictureError, OSError) as error:
        said = sentence(error)
    except RuntimeError as error:
        lost = lost_connection(error)
        if lost is None:
            raise
        said = lost
    else:
        return _status(cli.trainer)
    if is_first_of_machine():
        print(f"digitrec: {said}", file=sys.stderr)
    return status


def _status(trainer: Trainer) -> int:
    """1 where some of the user's pictures could not be read."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    failed = sum(callback.failed for callback in callbacks if isinstance(callback, PredictionsWriter))
    if failed:
        print(f"digitrec: {failed} of the pictures could not be read.", file=sys.stderr)
    return 1 if failed else 0


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
