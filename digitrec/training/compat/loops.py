"""Access to private attributes of Lightning's loops, checkpoint callback and parsers."""

from argparse import Action
from traceback import walk_tb
from typing import Any

from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.trainer.connectors.checkpoint_connector import _CheckpointConnector
from torch.optim import Optimizer


class StepCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint that a subclass tells when to save."""

    @property
    def every_n_train_steps(self) -> int:
        """How often to save, in optimizer steps; 0 for never."""
        return self._every_n_train_steps

    def save(self, trainer: Trainer) -> None:
        """Save the checkpoint."""
        self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def skips_saving(self, trainer: Trainer) -> bool:
        """Return whether nothing is to be saved now: in a sanity check, or twice at one step."""
        return self._should_skip_saving_checkpoint(trainer)


def is_between_steps(trainer: Trainer) -> bool:
    """Return whether a run can be resumed exactly: no validation is due, no batch is accumulated."""
    loop = trainer.fit_loop.epoch_loop
    fetcher: Any = trainer.fit_loop._data_fetcher
    validates = loop.batch_progress.is_last_batch or loop._should_check_val_fx(fetcher)
    return not validates and not loop._should_accumulate()


def refetch(trainer: Trainer) -> None:
    """Drop the batches that loader processes have prepared, since the sampler has changed."""
    fetcher: Any = trainer.fit_loop._data_fetcher
    if fetcher is not None:
        iter(fetcher)


def unrestored_checkpoint(error: Exception) -> str | None:
    """Return the path of the checkpoint whose state Lightning was restoring when the error was raised."""
    for frame, _ in walk_tb(error.__traceback__):
        name, function = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if name == _CheckpointConnector.__module__ and function.startswith(("restore", "_restore", "resume")):
            return str(frame.f_locals["self"].trainer.ckpt_path)
    return None


def unscales_itself(optimizer: Optimizer) -> bool:
    """Return whether an optimizer undoes the loss scaling of 16-mixed in its step, as fused ones do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def parse_given(parser: ArgumentParser, args: list[str]) -> Namespace:
    """Parse what config files and the command line say themselves, without any default."""
    parsed: Namespace = parser.parse_args(args, defaults=False, _skip_validation=True)
    return parsed


def subcommand_parsers(cli: LightningCLI) -> dict[str, LightningArgumentParser]:
    """Return the parser of each subcommand."""
    return cli._subcommand_parsers


def options(parser: ArgumentParser) -> dict[str, Action]:
    """Return the options of a parser by their keys."""
    return {action.dest: action for action in parser._actions}
