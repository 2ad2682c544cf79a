from pathlib import Path

import pytest
import torch
from conftest import ROOT
from lightning.pytorch.accelerators import CUDAAccelerator

from digitrec.cli import DigitCLI

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
OVERLAYS = sorted((ROOT / "configs" / "trainer").glob("*.yaml"))
TINY = ["--data.val_size=50", f"--config={ROOT}/configs/trainer/debug.yaml"]
OF_LIGHTNING = {"ModelSummary", "RichModelSummary", "RunConfig", "LeaveWhenDone"}


def by_name(paths):
    return pytest.mark.parametrize("config", paths, ids=lambda path: path.stem)


def own_callbacks(cli):
    return [type(c).__name__ for c in cli.trainer.callbacks if type(c).__name__ not in OF_LIGHTNING]


@by_name(CONFIGS)
def test_every_experiment_runs_and_its_checkpoint_tests(config: Path, workplace):
    cli = DigitCLI(["fit", f"--config={config}", *TINY])
    assert cli.trainer.global_step in (3, 4)  # 350 images in batches of 128 are three
    tested = DigitCLI(["test", f"--config={config}"])
    assert 0 <= tested.trainer.callback_metrics["test/acc"] <= 1


@by_name(CONFIGS)
def test_every_experiment_is_whole_and_names_no_device(config: Path, workplace):
    cli = DigitCLI(["fit", f"--config={config}", *TINY])
    trainer = cli.config["fit"].trainer
    assert (trainer.devices, trainer.accelerator) == (1, "auto")
    checkpoints = workplace / cli.trainer.log_dir / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_without_validation_images_the_last_epoch_is_the_result(fit, workplace):
    cli = fit("--data.val_size=0")
    checkpoints = workplace / cli.trainer.log_dir / "checkpoints"
    assert [path.name for path in checkpoints.iterdir()] == ["last.ckpt"]


def pretend_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    monkeypatch.setattr(CUDAAccelerator, "parse_devices", lambda _: [0])
    monkeypatch.setattr(CUDAAccelerator, "get_parallel_devices", lambda _: [torch.device("cpu")])


@by_name(OVERLAYS)
def test_an_overlay_keeps_the_callbacks_of_the_experiment(config: Path, workplace, monkeypatch):
    monkeypatch.setattr("lightning.pytorch.Trainer.fit", lambda *args, **kwargs: None)
    if config.stem == "gpu":
        pretend_there_is_a_gpu(monkeypatch)
    appended = ["EarlyStopping"] if config.stem == "early_stopping" else []
    cli = DigitCLI(["fit", f"--config={ROOT}/configs/mlp.yaml", f"--config={config}"])
    expected = ["Figures", "ModelCheckpoint", "ModelCheckpoint", "TQDMProgressBar", *appended]
    assert sorted(own_callbacks(cli)) == sorted(expected)


@pytest.mark.parametrize("overlay", ["cpu", "early_stopping"])
def test_an_overlay_runs(overlay, workplace):
    configs = [ROOT / "configs" / "mlp.yaml", ROOT / "configs" / "trainer" / f"{overlay}.yaml"]
    cli = DigitCLI(["fit", *(f"--config={config}" for config in configs), *TINY])
    assert cli.trainer.global_step == 4


@by_name(OVERLAYS)
def test_an_overlay_names_no_class_of_an_experiment(config: Path):
    assert "digitrec." not in config.read_text()
    assert not config.read_text().startswith(("model", "data"))
