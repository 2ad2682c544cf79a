"""RunCLI: LightningCLI with exact resume, a checkpoint chosen for the user, and checks before a run."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from jsonargparse import ArgumentError
from jsonargparse.typing import PositiveInt
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from digitrec.errors import CheckpointError
from digitrec.models.checkpoints import build_classifier, check_network, foreign_names, read_checkpoint
from digitrec.models.pretrained import PRETRAINED
from digitrec.models.renames import translate_argument
from digitrec.training.callbacks import ExactResume, RunConfig
from digitrec.training.compat.loops import options, subcommand_parsers
from digitrec.training.compat.overhead import reduce_overhead
from digitrec.training.messages import hint
from digitrec.training.optimization import OptimizedModule
from digitrec.training.parser import ALL_HELP, ConfigParser, gather, parse_without_defaults
from digitrec.training.preflight import try_out
from digitrec.training.processes import check_started, is_first
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
from digitrec.training.runs.matching import LOGGER, newest_run
from digitrec.training.trial import config_errors, refusals


class RunCLI(LightningCLI):
    """The command line of one kind of training; it never runs an untrained network.

    Args:
        args: the arguments after the program's name; None takes those of the command line.

    Raises:
        ArgumentError, DigitrecError, MisconfigurationException: a mistake of the user.
    """

    kind: ClassVar[tuple[type[OptimizedModule], type[LightningDataModule]]]
    """The LightningModule and the LightningDataModule."""

    callbacks: ClassVar[dict[str, tuple[type[Callback], ...]]]
    """The callbacks of each subcommand that is offered, in this order and before those of the config."""

    configured: ClassVar[dict[str, type[Callback]]] = {}
    """Those of the callbacks that have arguments, by the key of these."""

    trains_detector: ClassVar[bool] = False
    """Whether the network is the page detector; otherwise it is the classifier."""

    parser_texts: ClassVar[dict[str, str]] = {}
    """``prog`` and ``description`` of the parser."""

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._checkpoint: dict[str, Any] | None = None
        self._resumes = False
        args = list(sys.argv[1:] if args is None else args)
        self._first = args[0] if args else None
        self._whole_help = ALL_HELP in args
        args = ["--help" if arg == ALL_HELP else arg for arg in args]
        with refusals(), ExitStack() as self._locks:
            self._run(args)

    def __deepcopy__(self, memo: dict[int, Any]) -> "RunCLI":
        """Return itself: a copy of a model, as for averaged weights, refers to the command line."""
        return self

    def _run(self, args: list[str]) -> None:
        raising = {"exit_on_error": False}  # cli.main reports what is raised
        super().__init__(
            *self.kind,
            args=args,
            auto_configure_optimizers=False,
            seed_everything_default=1,
            # Lightning's summary counts no FLOPs here; Progress prints the number of parameters.
            trainer_defaults={"logger": LOGGER, "enable_model_summary": False},
            save_config_callback=RunConfig,
            parser_class=ConfigParser,
            parser_kwargs={
                **raising,
                **self.parser_texts,
                **{name: dict(raising) for name in self.subcommands()},
            },
        )

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Build a parser, with the help that is asked for."""
        parser = super().init_parser(**kwargs)
        assert isinstance(parser, ConfigParser)
        parser.whole_help = self._whole_help
        return parser

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # Lightning's is static
        """Return the subcommand that is asked for, or all: the parser of each takes a tenth of a second."""
        known = LightningCLI.subcommands()
        names = [self._first] if self._first in self.callbacks else self.callbacks
        return {name: known[name] for name in names}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the number of threads, and the arguments of the callbacks that have any."""
        text = "PyTorch's threads on the CPU; a second one slows a small network when other programs run"
        parser.add_argument("--threads", type=PositiveInt | Literal["all"], default=1, help=text)
        text = "the name of the run, which is that of its folder; version_0, version_1 and so on without one"
        parser.add_argument("--name", type=str | None, help=text)
        for key, callback in self.configured.items():
            parser.add_class_arguments(callback, key)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse with the model of the chosen checkpoint as the default, and refuse what contradicts it."""
        args = gather([translate_argument(argument) for argument in args], "--data.pictures")
        try:
            self._parse(parser, args)
        except ArgumentError as error:
            error.add_note(hint(error, options(subcommand_parsers(self).get(self._first or "", parser))))
            raise

    def _parse(self, parser: LightningArgumentParser, args: list[str]) -> None:
        for subparser in subcommand_parsers(self).values():
            if "verbose" in options(subparser):
                subparser.set_defaults({"verbose": False})  # Progress prints the metrics
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
        self.config = parser.parse_args(args)
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
        return self._locks.enter_context(new_folder(self.config[self.subcommand], self.trainer))

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
        kwargs["callbacks"] = [*callbacks, *(given if isinstance(given, list) else [given])]
        if self.subcommand == "fit" and self._checkpoint and continues(config):
            kwargs["logger"] = resumed_loggers(config, built.trainer.logger, self._checkpoint)
        trainer = super().instantiate_trainer(**kwargs)
        # First, to clean up after the others.
        trainer.callbacks.sort(key=lambda each: not isinstance(each, RunConfig))  # type: ignore[attr-defined]
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
            if self.trains_detector:
                raise CheckpointError(
                    "pretrained has weights only: give a run's file, best or last, or fit --model.start_from."
                )
            return PRETRAINED
        if which not in (None, "best", "last"):
            return Path(which)
        return newest_run(which, given, self.kind[0], self.trains_detector)
