import os
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.profilers import SimpleProfiler
from torch.utils.data import DataLoader

from digitrec import MLP, DigitClassifier
from digitrec.data.batches import Batch
from digitrec.training import optimization
from digitrec.training.compat.overhead import (
    STEP_HOOKS,
    NoProfiler,
    QuickModule,
    QuickRecord,
    reduce_overhead,
)

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"
QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def test_cpu_run_does_not_check_for_a_gpu_at_each_step(fit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    fit("--trainer.accelerator=cpu")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(("profiler", "expected"), [("null", NoProfiler), ("simple", SimpleProfiler)])
def test_requested_profiler_is_kept(profiler, expected, fit):
    assert type(fit(f"--trainer.profiler={profiler}").trainer.profiler) is expected


def test_step_hooks_that_do_nothing_are_skipped(fit):
    cli = fit("--trainer.max_steps=2")
    checkpoint = next(each for each in cli.trainer.callbacks if type(each) is ModelCheckpoint)
    for owner in (checkpoint, cli.model):
        assert [hook for hook in STEP_HOOKS if getattr(owner, hook)] == []
    assert all(hasattr(base, hook) for hook in STEP_HOOKS for base in (Callback, LightningModule))


class Tiny(QuickModule):
    """A module of a user, whose step takes no index of the batch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.called = []

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def on_train_start(self):
        reduce_overhead(self.trainer, self)

    def on_before_backward(self, loss):
        self.called.append("on_before_backward")
        self.log("loss", loss)

    def training_step(self, batch):
        return (self.weight * batch).sum()


def train(tmp_path, *callbacks, **options):
    """Take four steps, each with a gradient of 2, on a Tiny module."""
    options = {"logger": False, "max_epochs": 1, **QUIET, **options}
    trainer = Trainer(default_root_dir=tmp_path, callbacks=list(callbacks), **options)
    module = Tiny()
    trainer.fit(module, DataLoader(torch.full((4, 2), 2.0), batch_size=1))
    return trainer, module


def test_hooks_of_the_user_are_called_and_can_log(tmp_path):
    called = []
    of_object = LambdaCallback(on_before_backward=lambda *_: called.append("called"))
    trainer, module = train(tmp_path, of_object, enable_checkpointing=False)
    assert len(called) == len(module.called) == 4
    assert trainer.callback_metrics["loss"] == pytest.approx(4 - 3 * 0.8)  # of the last step
    torch.testing.assert_close(module.weight.detach(), torch.full((2,), 1 - 4 * 0.2))


def test_accumulated_gradients_are_averaged(tmp_path):
    _, module = train(tmp_path, accumulate_grad_batches=2, enable_checkpointing=False)
    torch.testing.assert_close(module.weight.detach(), torch.full((2,), 1 - 2 * 0.2))


def test_checkpoint_inside_the_epoch_is_written(tmp_path):
    train(tmp_path, ModelCheckpoint(tmp_path, every_n_train_steps=3, filename="{step}", save_top_k=-1))
    assert [path.name for path in tmp_path.glob("*.ckpt")] == ["step=3.ckpt"]


class Recorder(Callback):
    """Record what Lightning calls of a callback."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if name.startswith("on_"):
            self.calls.append(name)
        return super().__getattribute__(name)


def test_a_training_is_the_same_with_and_without(tmp_path, monkeypatch):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(8, 28, 28, generator=generator)
    batches = [Batch(images[i : i + 2], torch.tensor([i, i + 1])) for i in range(0, 8, 2)]

    def run(folder):
        torch.manual_seed(2)
        module = DigitClassifier(MLP(hidden=(8,)), partial(torch.optim.Adam, lr=0.01, fused=True))
        recorder = Recorder()
        logger = CSVLogger(tmp_path, folder, version=0)
        trainer = Trainer(logger=logger, callbacks=[recorder], max_epochs=2, log_every_n_steps=1, **QUIET)
        trainer.fit(module, DataLoader(batches, batch_size=None), DataLoader(batches, batch_size=None))
        hooks = [name for name in recorder.calls if name not in STEP_HOOKS]
        return torch.cat([w.flatten() for w in module.parameters()]), hooks, tmp_path / folder

    weights, hooks, folder = run("with")
    monkeypatch.setattr(optimization, "reduce_overhead", lambda *_: None)
    plain_weights, plain_hooks, plain_folder = run("without")
    assert torch.equal(weights, plain_weights)
    assert hooks == plain_hooks
    [written, plain] = [(each / "version_0/metrics.csv").read_text() for each in (folder, plain_folder)]
    assert written == plain


def test_ranges_are_recorded_while_a_profiler_runs():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    original = torch.autograd.profiler.record_function
    torch.autograd.profiler.record_function = QuickRecord
    try:
        with torch.autograd.profiler.profile() as profile:
            optimizer.step()
        with QuickRecord("unread") as record:
            pass
    finally:
        torch.autograd.profiler.record_function = original
    assert "Optimizer.step#SGD.step" in {event.name for event in profile.function_events}
    assert record.record is None
