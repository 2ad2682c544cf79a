"""GPU support, tested without a GPU as far as possible; one test is skipped where there is none."""

import ast
import csv
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.plugins import MixedPrecision

from digitrec.cli import DigitCLI
from digitrec.data.distortion import RandomDistortion
from tests.conftest import ROOT

GPU = f"--config={ROOT}/configs/trainer/gpu.yaml"
DDP = f"--config={ROOT}/configs/trainer/ddp.yaml"
BEST = f"--config={ROOT}/configs/best.yaml"
A_FEW_STEPS = ["--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]


pytestmark = pytest.mark.filterwarnings("ignore:CUDA is not available")  # where a GPU is only pretended


def constants(tree):
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_no_code_names_a_gpu():
    for path in (ROOT / "digitrec").rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert not {"cuda", "mps", "gpu", "cuda:0"} & {str(value) for value in constants(tree)}, path
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "cuda"]
        assert not calls, path


@pytest.fixture
def two_gpus(monkeypatch):
    """Let Lightning find two GPUs, and train on neither."""
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    monkeypatch.setattr(CUDAAccelerator, "auto_device_count", lambda: 2)
    monkeypatch.setattr(CUDAAccelerator, "parse_devices", lambda devices: list(range(int(devices))))
    monkeypatch.setattr("lightning.pytorch.Trainer.fit", lambda *args, **kwargs: None)


def test_gpu_overlay_uses_one_gpu_in_bfloat16(two_gpus, workplace):
    trainer = DigitCLI(["fit", BEST, GPU]).trainer
    assert isinstance(trainer.accelerator, CUDAAccelerator)
    assert trainer.strategy.root_device == torch.device("cuda", 0)
    assert isinstance(trainer.precision_plugin, MixedPrecision)
    assert trainer.precision_plugin.precision == "bf16-mixed"
    assert trainer.precision_plugin.scaler is None


def test_ddp_overlay_uses_two_gpus_and_nccl(two_gpus, workplace):
    trainer = DigitCLI(["fit", BEST, GPU, DDP]).trainer
    assert trainer.world_size == 2
    assert trainer.strategy._get_process_group_backend() == "nccl"


@pytest.mark.filterwarnings("ignore:torch.cuda.amp.GradScaler is enabled, but CUDA is not available")
def test_fp16_with_fused_optimizer_and_clipping_is_refused(two_gpus, workplace):
    fused = f"--config={ROOT}/configs/wide.yaml"
    fp16 = [fused, GPU, "--trainer.precision=16-mixed"]
    DigitCLI(["fit", *fp16])
    with pytest.raises(MisconfigurationException, match=r"gradient_clip_val .* fused .* bf16-mixed"):
        DigitCLI(["fit", *fp16, "--trainer.gradient_clip_val=1.0"])


def test_lightning_still_refuses_fp16_with_fused_optimizer_and_clipping():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], fused=True)
    with pytest.raises(RuntimeError, match="does not allow for gradient clipping"):
        MixedPrecision("16-mixed", "cpu").clip_gradients(optimizer, 1.0)


no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU on this machine")


@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("gpu", marks=no_gpu)])
def test_bfloat16_training_and_predictions_match_cpu(accelerator, workplace, monkeypatch):
    devices = []
    distort = RandomDistortion.__call__

    def record_device(self, images, *args):
        devices.append(images.device.type)
        return distort(self, images, *args)

    monkeypatch.setattr(RandomDistortion, "__call__", record_device)
    placed = ["--trainer.precision=bf16-mixed", f"--trainer.accelerator={accelerator}"]
    cli = DigitCLI(["fit", BEST, *A_FEW_STEPS, *placed])
    assert cli.trainer.global_step >= 2
    assert cli.trainer.callback_metrics["train/loss"].isfinite()
    assert set(devices) == {"cuda" if accelerator == "gpu" else "cpu"}

    def probabilities(*args):
        folder = Path(DigitCLI(["predict", "--ckpt_path=last", *args]).trainer.log_dir)
        rows = csv.DictReader((folder / "predictions.csv").read_text().splitlines())
        return torch.tensor([[float(row[f"p{digit}"]) for digit in range(10)] for row in rows])

    on_cpu = probabilities("--trainer.accelerator=cpu")
    torch.testing.assert_close(probabilities(placed[1]), on_cpu, atol=1e-4, rtol=0)
    torch.testing.assert_close(probabilities(*placed), on_cpu, atol=0.05, rtol=0)
