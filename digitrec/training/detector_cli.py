"""The command line of the page detector's training.

python -m digitrec.training.detector_cli fit --config configs/detector.yaml [--ckpt_path FILE]
"""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningCLI

from digitrec.data.pages.datamodule import PageDataModule
from digitrec.training.callbacks import ExactResume, RunConfig, StopAtDivergence
from digitrec.training.detector import DetectorTraining
from digitrec.training.runs.checkpoint_io import AtomicCheckpointIO
from digitrec.training.runs.checks import decisive
from digitrec.training.runs.matching import LOGGER


class DetectorCLI(LightningCLI):
    """LightningCLI with what every run has here: exact resume, atomic checkpoints, a stop at divergence."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer with the callbacks that must be there also when no config names them."""
        config, built = self.config[self.subcommand], self.config_init[self.subcommand]
        given = built.trainer.callbacks or []
        own = (
            [ExactResume(decisive(config.trainer.as_dict())), StopAtDivergence()]
            if self.subcommand == "fit"
            else []
        )
        kwargs["callbacks"] = [*own, *(given if isinstance(given, list) else [given])]
        trainer = super().instantiate_trainer(**kwargs)
        if self.subcommand == "fit":
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        return trainer


def main(args: list[str] | None = None) -> DetectorCLI:
    """Run the command line."""
    return DetectorCLI(
        DetectorTraining,
        PageDataModule,
        args=args,
        auto_configure_optimizers=False,
        seed_everything_default=1,
        trainer_defaults={"logger": LOGGER},
        save_config_callback=RunConfig,
    )


if __name__ == "__main__":
    main()
