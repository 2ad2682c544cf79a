"""The sheet of distorted digits, drawn once a run."""

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from tests.conftest import ROOT


def test_sheet_shows_digits_beside_their_distortions_once_a_run(workplace):
    small = ["--trainer.max_epochs=2", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
    cli = DigitCLI(["fit", f"--config={ROOT}/configs/best.yaml", *small])
    events = EventAccumulator(str(workplace / cli.trainer.log_dir))
    events.Reload()
    (sheet,) = events.Images("train/distorted")
    assert (sheet.width, sheet.height) == (16 * 30, 8 * 30)  # 64 pairs, each digit in a frame of a pixel


def test_without_distortion_there_is_no_sheet(fit, workplace):
    cli = fit("--trainer.callbacks+=digitrec.training.callbacks.DistortionSheet")
    events = EventAccumulator(str(workplace / cli.trainer.log_dir))
    events.Reload()
    assert "train/distorted" not in events.Tags()["images"]


def test_sheet_does_not_change_the_training(workplace):
    def weights(*args):
        small = ["--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]
        cli = DigitCLI(["fit", f"--config={ROOT}/configs/best.yaml", *small, *args])
        return torch.cat([parameter.flatten() for parameter in cli.model.parameters()])

    assert torch.equal(weights(), weights("--trainer.callbacks=null"))
