"""The command line: LightningCLI, with the checkpoint chosen for the user and one sentence for a mistake.

python -m digitrec {fit,validate,test,predict} [--config FILE] [--KEY VALUE ...]
                   [--ckpt_path best|last|pretrained|FILE]
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from digitrec.data.datamodule import MNISTDataModule
from digitrec.errors import CheckpointError, DigitrecError, MNISTUnavailableError, sentence
from digitrec.models.checkpoints import PRETRAINED, foreign_names, read_checkpoint
from digitrec.models.renames import translate_argument
from digitrec.training.callbacks import ExactResume, Figures, StopAtDivergence
from digitrec.training.callbacks.prediction_writer import PredictionsWriter
from digitrec.training.callbacks.report import ReportWriter
from digitrec.training.callbacks.run_config import RunConfig
from digitrec.training.classifier import DigitClassifier
from digitrec.training.compat.loops import subcommand_parsers
from digitrec.training.compat.overhead import reduce_overhead
from digitrec.training.messages import ignore_warnings, plain_message
from digitrec.training.parser import ConfigParser, parse_without_defaults
from digitrec.training.preflight import config_errors, try_out
from digitrec.training.processes import check_started, is_first, is_first_of_machine, lost_connection
from digitrec.training.runs.checkpoint_io import AtomicCheckpointIO
from digitrec.training.runs.checks import SPLIT, check_config, check_resume, decisive
from digitrec.training.runs.folder import continues, resumed_loggers
from digitrec.training.runs.matching import LOGGER, newest_run

CALLBACKS: dict[str, tuple[type[Callback], ...]] = {
    "fit": (ExactResume, StopAtDivergence, Figures),
    "validate": (Figures,),
    "test": (Figures, ReportWriter),
    "predict": (PredictionsWriter,),
}
"""The callbacks of each subcommand, in this order and before those of the config.

Figures has to come before weight averaging, which removes its weights when a validation ends.
"""


class DigitCLI(LightningCLI):
    """LightningCLI for DigitClassifier and MNISTDataModule that never runs an untrained network.

    Args:
        args: the arguments after the program's name; None takes those of the command line.

    Raises:
        ArgumentError, DigitrecError, MisconfigurationException: a mistake of the user.
    """

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._checkpoint: dict[str, Any] | None = None
        self._first = next(iter(sys.argv[1:] if args is None else args), None)
        raising = {"exit_on_error": False}  # main reports what is raised
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

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # Lightning's is static
        """Return the subcommand that is asked for, or all: the parser of each takes a tenth of a second."""
        known = LightningCLI.subcommands()
        return {self._first: known[self._first]} if self._first in known else known

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the arguments of the callbacks in ``CALLBACKS`` that have any."""
        parser.add_class_arguments(PredictionsWriter, "predictions")
        parser.add_class_arguments(Figures, "figures")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse with the model of the chosen checkpoint as the default, and refuse what contradicts it."""
        args = [translate_argument(argument) for argument in (sys.argv[1:] if args is None else args)]
        path = self._choose_checkpoint(parser, args)
        if path is None:
            self.config = parser.parse_args(args)
            return
        checkpoint = read_checkpoint(path)
        self._set_defaults(checkpoint, path)
        self.config = parser.parse_args(args)
        config = self.config[self.config.subcommand]
        check_config(config.as_dict(), self.config.subcommand, checkpoint, path)
        self._checkpoint, config.ckpt_path = checkpoint, str(path)
        how = ""
        if self.config.subcommand == "fit":
            new = bool(config.trainer.logger) and not continues(config)
            check_resume(config.as_dict(), checkpoint, path, new)
            how = " (a new run starts from it)" if new else " (its run continues)"
        if is_first():
            print(f"Checkpoint: {path}{how}")
        config.ckpt_path = None  # or Lightning would parse the hyperparameters of the file once more
        self._path = str(path)

    def before_instantiate_classes(self) -> None:
        """Tell the trainer which checkpoint to restore."""
        if self._checkpoint is not None:
            config = self.config[self.config.subcommand]
            config.ckpt_path, config.weights_only = self._path, True

    def _set_defaults(self, checkpoint: dict[str, Any], path: Path) -> None:
        model, data = checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"]
        defaults = {f"model.{key}": value for key, value in model.items()}
        defaults |= {f"data.{key}": data[key] for key in SPLIT if key in data}
        for subparser in subcommand_parsers(self).values():
            try:
                subparser.set_defaults(defaults)
            except KeyError as error:
                raise CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.") from error

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; a value that one of them refuses is a mistake of the user."""
        with config_errors():
            super().instantiate_classes()
        if self._checkpoint is None:
            return
        try:
            self.model.load_state_dict(self._checkpoint["state_dict"])
        except RuntimeError as error:
            path = self.config[self.config.subcommand].ckpt_path
            raise CheckpointError(f"The weights in {path} don't fit the network that it names.") from error

    def before_fit(self) -> None:
        """Check the config for errors that would otherwise appear during the training."""
        for name in foreign_names(self.config.fit.model.as_dict(), {}):
            raise MisconfigurationException(
                f"{name} is not a class of digitrec or torch, so its checkpoints would be refused: "
                "move it into digitrec."
            )
        try_out(self.model, self.datamodule.val_size, self.trainer)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer with the callbacks of the subcommand, and the logger of a resumed run."""
        config, built = self.config[self.subcommand], self.config_init[self.subcommand]
        arguments = {
            Figures: built.figures,
            PredictionsWriter: built.predictions,
            ExactResume: ExactResume(decisive(config.trainer.as_dict())),
        }
        callbacks = [arguments.get(kind) or kind() for kind in CALLBACKS[str(self.subcommand)]]
        given = built.trainer.callbacks or []
        kwargs["callbacks"] = [*callbacks, *(given if isinstance(given, list) else [given])]
        if self.subcommand == "fit" and self._checkpoint and continues(config):
            kwargs["logger"] = resumed_loggers(config, built.trainer.logger, self._checkpoint["global_step"])
        trainer = super().instantiate_trainer(**kwargs)
        check_started(trainer)
        if self.subcommand == "fit" and type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        reduce_overhead(trainer)
        return trainer

    def _choose_checkpoint(self, parser: LightningArgumentParser, args: list[str]) -> Path | None:
        """Find the checkpoint that is meant; None to train from scratch or where nothing is run."""
        if any(arg in ("-h", "--help") or arg.startswith("--print_config") for arg in args):
            return None
        given = parse_without_defaults(parser, args)
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
        The exit status: 0, 128 + the number of the signal that stopped the run, or 1 after a mistake of the
        user, a full disk, a training that diverged or a picture that could not be read; each with one
        sentence on standard error.
    """
    if isinstance(sys.stdout, TextIOWrapper):  # a file name may have characters that the terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    ignore_warnings()
    status = 1
    try:
        return _status(DigitCLI(args).trainer)
    except MNISTUnavailableError as error:
        message = str(error)  # a list of sources and files, easier to read over several lines
    except DigitrecError as error:
        if error.status != 1 and not is_first():  # all processes agree on it: one reports it
            return error.status
        message, status = sentence(error), error.status
    except (ArgumentError, MisconfigurationException) as error:
        message = plain_message(error)
    except OSError as error:
        message = sentence(error)
    except RuntimeError as error:
        lost = lost_connection(error)
        if lost is None:
            raise
        message = lost
    if is_first_of_machine():
        print(f"digitrec: {message}", file=sys.stderr)
    return status


def _status(trainer: Trainer) -> int:
    """1 if some of the user's pictures could not be read."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    failed = sum(callback.failed for callback in callbacks if isinstance(callback, PredictionsWriter))
    if failed:
        print(f"digitrec: {failed} of the pictures could not be read.", file=sys.stderr)
    return 1 if failed else 0
