"""The shipped experiments and overlays in configs/."""

import csv
import math
from pathlib import Path

import pytest
import torch
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.callbacks import LearningRateMonitor

from digitrec.cli import DigitCLI
from digitrec.training.callbacks import figures as figures_callback
from tests.conftest import ROOT

# detector.yaml is tested by tests/training/test_detector_cli.py.
CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.yaml") if path.stem != "detector")
OVERLAYS = sorted((ROOT / "configs" / "trainer").glob("*.yaml"))
TINY = ["--data.val_size=50", f"--config={ROOT}/configs/trainer/debug.yaml"]
FEWER_TO_DRAW = {
    "handwriting": [
        "--data.synthetic.init_args.count=50",
        "--data.outliers.init_args.count=50",
        "--data.detected=null",  # tests/data/synthetic/test_detected.py
    ],
    "finetune": ["--data.synthetic.init_args.count=50", "--data.outliers.init_args.count=50"],
}
OF_ALL_RUNS = {
    "ModelSummary",
    "RichModelSummary",
    "RunConfig",
    "ExactResume",
    "StopAtDivergence",
    "Hyperparameters",
    "Progress",
}


def by_name(paths):
    return pytest.mark.parametrize("config", paths, ids=lambda path: path.stem)


DEBUG = f"--config={ROOT}/configs/trainer/debug.yaml"


def own_callbacks(cli):
    return [type(c).__name__ for c in cli.trainer.callbacks if type(c).__name__ not in OF_ALL_RUNS]


@by_name(CONFIGS)
def test_experiment_is_complete_and_can_be_fitted_and_tested(config: Path, workplace):
    cli = DigitCLI(["fit", f"--config={config}", *TINY, *FEWER_TO_DRAW.get(config.stem, [])])
    images = len(cli.datamodule.train_set)  # 350, or 400 with synthetic digits
    assert cli.trainer.global_step == min(4, math.ceil(images / cli.datamodule.batch_size))  # debug.yaml: 4
    trainer = cli.config["fit"].trainer
    assert (trainer.devices, trainer.accelerator) == (1, "auto")
    checkpoints = workplace / cli.trainer.log_dir / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]
    tested = DigitCLI(["test", f"--config={config}", DEBUG])
    assert 0 <= tested.trainer.callback_metrics["test/acc"] <= 1


def test_without_validation_images_only_last_checkpoint_is_written(fit, workplace):
    cli = fit("--data.val_size=0")
    checkpoints = workplace / cli.trainer.log_dir / "checkpoints"
    assert [path.name for path in checkpoints.iterdir()] == ["last.ckpt"]


def pretend_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    monkeypatch.setattr(CUDAAccelerator, "parse_devices", lambda _: [0])
    monkeypatch.setattr(CUDAAccelerator, "get_parallel_devices", lambda _: [torch.device("cpu")])


@by_name(OVERLAYS)
@pytest.mark.filterwarnings("ignore:CUDA is not available")  # the trial of the network, with a pretended GPU
def test_overlay_keeps_callbacks_of_the_experiment(config: Path, workplace, monkeypatch):
    monkeypatch.setattr("lightning.pytorch.Trainer.fit", lambda *args, **kwargs: None)
    if config.stem == "gpu":
        pretend_there_is_a_gpu(monkeypatch)
    appended = {"early_stopping": ["EarlyStopping"], "ema": ["EMAWeightAveraging"]}.get(config.stem, [])
    cli = DigitCLI(["fit", f"--config={ROOT}/configs/mlp.yaml", f"--config={config}"])
    expected = ["Figures", "ModelCheckpoint", "LastCheckpoint", "EpochProgressBar", *appended]
    assert sorted(own_callbacks(cli)) == sorted(expected)


@pytest.mark.parametrize("overlay", ["cpu", "early_stopping"])  # csv and ema have tests of their own
def test_overlay_can_be_fitted(overlay, workplace):
    configs = [ROOT / "configs" / "mlp.yaml", ROOT / "configs" / "trainer" / f"{overlay}.yaml"]
    cli = DigitCLI(["fit", *(f"--config={config}" for config in configs), *TINY])
    assert cli.trainer.global_step == 4


def test_csv_overlay_writes_metrics_and_its_run_can_be_tested(workplace):
    configs = [f"--config={ROOT}/configs/{name}.yaml" for name in ("mlp", "trainer/csv")]
    cli = DigitCLI(["fit", *configs, *TINY])
    assert cli.trainer.global_step == 4
    table = list(csv.DictReader((workplace / cli.trainer.log_dir / "metrics.csv").read_text().splitlines()))
    accuracy = [float(row["val/acc"]) for row in table if row["val/acc"]]
    assert accuracy == pytest.approx([cli.trainer.callback_metrics["val/acc"].item()])
    tested = DigitCLI(["test", *configs[1:], DEBUG])
    assert tested.config["test"].ckpt_path == str(Path(cli.trainer.log_dir) / "checkpoints" / "best.ckpt")
    assert (workplace / tested.trainer.log_dir / "report.json").exists()


def test_ema_overlay_validates_draws_and_saves_averaged_weights(workplace, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        figures_callback, "draw_figures", lambda _, weights: drawn.append(torch.from_numpy(weights)) or []
    )
    configs = [f"--config={ROOT}/configs/{name}.yaml" for name in ("mlp", "trainer/ema", "trainer/debug")]
    cli = DigitCLI(["fit", *configs, "--data.val_size=50", "--figures.every_n_epochs=1"])
    assert cli.trainer.global_step == 4
    saved = torch.load(workplace / cli.trainer.log_dir / "checkpoints" / "best.ckpt", weights_only=True)
    assert torch.equal(drawn[0], saved["state_dict"]["network.layers.1.weight"])
    assert not torch.equal(weights(saved["current_model_state"]), weights(saved["state_dict"]))
    tested = DigitCLI(["test", DEBUG])
    assert torch.equal(weights(tested.model.state_dict()), weights(saved["state_dict"]))


def weights(state):
    return torch.cat([tensor.flatten() for key, tensor in state.items() if "layers" in key]).clone()


def test_lightning_options_run(fit, workplace, capsys):
    cli = fit(
        "--trainer.callbacks+=lightning.pytorch.callbacks.LearningRateMonitor",
        "--trainer.gradient_clip_val=1.0",
        "--trainer.profiler=simple",
    )
    monitor = next(c for c in cli.trainer.callbacks if isinstance(c, LearningRateMonitor))
    assert monitor.lrs == {"lr-Adam": [0.001] * len(monitor.lrs["lr-Adam"])}
    assert cli.trainer.gradient_clip_val == 1.0
    assert "run_training_epoch" in cli.trainer.profiler.summary()


def test_gradient_clipping_bounds_the_change_of_weights(fit):
    def end(clip):
        sgd = ["--model.optimizer=torch.optim.SGD", "--model.optimizer.init_args.lr=1.0"]
        cli = fit(*sgd, f"--trainer.gradient_clip_val={clip}", "--data.batch_size=50")
        return weights(cli.model.state_dict())

    start = end(1e-9)
    assert 0.004 < (end(0.001) - start).norm() <= 7 * 0.001 * 1.001  # 7 steps of at most the bound each


@by_name(OVERLAYS)
def test_overlay_names_no_class_of_digitrec(config: Path):
    assert "digitrec." not in config.read_text()
    assert not config.read_text().startswith(("model", "data"))
