"""RunCLI: LightningCLI with exact resume, a checkpoint chosen for the user, and checks before a run."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.cli import LightningArgumentParser

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import build_classifier, check_network, foreign_names, read_checkpoint
from digitrec.training.callbacks import EpochProgressBar, ExactResume
from digitrec.training.compat.loops import subcommand_parsers
from digitrec.training.parser import parse_without_defaults
from digitrec.training.parsing_cli import ParsingCLI
from digitrec.training.preflight import try_out
from digitrec.training.processes import check_started, choose_port, is_first
from digitrec.training.runs.checkpoint_io import AtomicCheckpointIO
from digitrec.training.runs.checks import (
    SPLIT,
    check_config,
    check_resume,
    check_single,
    checkpoint_errors,
    decisive,
)
from digitrec.training.runs.folder import continues, new_folder, place, resumed_loggers
from digitrec.training.runs.lock import locked
from digitrec.training.runs.matching import choose_checkpoint
from digitrec.training.trial import config_errors, refusals


class RunCLI(ParsingCLI):
    """The command line of one kind of training; it never runs an untrained network.

    Args:
        args: the arguments after the program's name; None takes those of the command line.

    Raises:
        ArgumentError, DigitrecError, MisconfigurationException: a mistake of the user.
    """

    trains_detector: ClassVar[bool] = False
    """Whether the network is the page detector; otherwise it is the classifier."""

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._checkpoint: dict[str, Any] | None = None
        self._resumes = False
        with refusals(), ExitStack() as self._locks:
            super().__init__(args)

    def __deepcopy__(self, memo: dict[int, Any]) -> "RunCLI":
        """Return itself: a copy of a model, as for averaged weights, refers to the command line."""
        return self

    def parse(self, parser: LightningArgumentParser, args: list[str]) -> None:
        """Parse with the model of the chosen checkpoint as the default, and refuse what contradicts it."""
        path = self._choose_checkpoint(parser, args)
        if path is None:
            self._parse_config(parser, args)
            return
        checkpoint = read_checkpoint(path)
        if self.trains_detector:
            check_network(checkpoint, path, detector=True)
        else:
            build_classifier(checkpoint, path)
        self._set_defaults(checkpoint, path)
        self._parse_config(parser, args)
        config = self.config[self.config.subcommand]
        with checkpoint_errors(path):
            check_config(config.as_dict(), self.config.subcommand, checkpoint, path)
        self._checkpoint, config.ckpt_path = checkpoint, str(path)
        how = ""
        if self.config.subcommand == "fit":
            new = bool(config.trainer.logger) and not continues(config)
            self._resumes = not new
            if self._resumes and is_first():
                self._locks.enter_context(
                    locked(path.parent.parent if config.trainer.logger else path.parent)
                )
                self._checkpoint = checkpoint = read_checkpoint(path)  # it may be a newer one by now
            with checkpoint_errors(path):
                check_resume(config.as_dict(), checkpoint, path, new)
            how = " (a new run starts from it)" if new else " (its run continues)"
        if is_first():
            print(f"Checkpoint: {path}{how}")
        config.ckpt_path = None  # or Lightning would parse the hyperparameters of the file once more
        self._path = str(path)

    def _parse_config(self, parser: LightningArgumentParser, args: list[str]) -> None:
        super().parse(parser, args)
        config = self.config[self.config.subcommand]
        check_single([str(path) for path in config.config or []])
        place(config, self.config.subcommand)

    def before_instantiate_classes(self) -> None:
        """Set the number of threads, and tell the trainer which checkpoint to restore."""
        threads = self.config[self.config.subcommand].threads
        if threads != "all":  # PyTorch's own choice, or that of OMP_NUM_THREADS
            torch.set_num_threads(threads)
        if self._checkpoint is not None:
            config = self.config[self.config.subcommand]
            config.ckpt_path, config.weights_only = self._path, True

    def _set_defaults(self, checkpoint: dict[str, Any], path: Path) -> None:
        model, data = checkpoint["hyper_parameters"], checkpoint["datamodule_hyper_parameters"]
        defaults = {f"model.{key}": value for key, value in model.items()}
        defaults |= {f"data.{key}": data[key] for key in SPLIT if key in data}
        defaults["threads"] = checkpoint.get("callbacks", {}).get("ExactResume", {}).get("threads", 1)
        for subparser in subcommand_parsers(self).values():
            try:
                subparser.set_defaults(defaults)
            except KeyError as error:
                raise CheckpointError(f"{path} is not a checkpoint of digitrec: choose another.") from error

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; a value that one of them refuses is a mistake of the user."""
        if self._checkpoint is None:
            with config_errors():
                super().instantiate_classes()
            return
        # Without the file that training started from, which may be gone: the checkpoint has the weights.
        given = self.config[self.config.subcommand].get("model") or {}
        start_from = given.get("start_from")
        if start_from is not None:
            given["start_from"] = None
        with config_errors():
            super().instantiate_classes()
        if start_from is not None:
            given["start_from"] = start_from
        try:
            self.model.load_state_dict(self._checkpoint["state_dict"])
        except RuntimeError as error:
            path = self.config[self.config.subcommand].ckpt_path
            raise CheckpointError(f"The weights in {path} don't fit the network that it names.") from error

    def before_fit(self) -> None:
        """Check the config for errors that would otherwise appear during the training."""
        for name in foreign_names(self.config.fit.model.as_dict(), {}):
            raise MisconfigurationException(
                f"{name} is not a class of digitrec, torch.nn or torch.optim, so its checkpoints would be "
                "refused: move it into digitrec."
            )
        try_out(self.model, self.datamodule.val_size, self.trainer)
        folder = self._claim_folder()
        if folder is not None:
            self._locks.enter_context(locked(folder))

    def _claim_folder(self) -> Path | None:
        """Create the folder of a new run, before the loggers of two runs that start together share one."""
        if self._resumes or not is_first():
            return None
        done = (self._checkpoint or {}).get("global_step", 0) if self.subcommand == "fit" else 0
        return self._locks.enter_context(new_folder(self.config[self.subcommand], self.trainer, done))

    before_validate = before_test = before_predict = _claim_folder

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer with the callbacks of the subcommand, and the logger of a resumed run."""
        config, built = self.config[self.subcommand], self.config_init[self.subcommand]
        arguments: dict[type[Callback], Callback] = {
            kind: built[key] for key, kind in self.configured.items()
        }
        threads = (
            config.threads if config.threads == "all" else int(config.threads)
        )  # no class of jsonargparse
        arguments[ExactResume] = ExactResume(decisive(config.trainer.as_dict()), threads)
        callbacks = [arguments.get(kind) or kind() for kind in self.callbacks[str(self.subcommand)]]
        given = built.trainer.callbacks or []
        given = given if isinstance(given, list) else [given]
        if config.trainer.enable_progress_bar is not False and not _have_bar(given):
            given = [*given, EpochProgressBar()]
        kwargs["callbacks"] = [*callbacks, *given]
        if self.subcommand == "fit" and self._checkpoint and continues(config):
            kwargs["logger"] = resumed_loggers(config, built.trainer.logger, self._checkpoint)
        trainer = super().instantiate_trainer(**kwargs)
        check_started(trainer)
        choose_port(trainer)
        if self.subcommand == "fit" and type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        return trainer

    def _choose_checkpoint(self, parser: LightningArgumentParser, args: list[str]) -> Path | None:
        """Find the checkpoint that is meant; None to train from scratch or where nothing is run."""
        if any(arg in ("-h", "--help") or arg.startswith("--print_config") for arg in args):
            return None
        given = parse_without_defaults(parser, args)
        subcommand = given.subcommand
        return choose_checkpoint(subcommand, given[subcommand], self.kind[0], self.trains_detector)


def _have_bar(callbacks: Sequence[Callback]) -> bool:
    return any(isinstance(each, ProgressBar) for each in callbacks)
