import os

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import LambdaCallback, ModelCheckpoint
from lightning.pytorch.profilers import SimpleProfiler

from digitrec.training.compat.overhead import STEP_HOOKS, NoProfiler, reduce_overhead

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def test_cpu_run_does_not_check_for_a_gpu_at_each_step(fit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    fit("--trainer.accelerator=cpu")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(("profiler", "expected"), [("null", NoProfiler), ("simple", SimpleProfiler)])
def test_requested_profiler_is_kept(profiler, expected, fit):
    assert type(fit(f"--trainer.profiler={profiler}").trainer.profiler) is expected


def test_empty_hooks_of_a_step_are_skipped(fit):
    callbacks = fit("--trainer.max_steps=2").trainer.callbacks
    checkpoint = next(each for each in callbacks if type(each) is ModelCheckpoint)
    assert [hook for hook in STEP_HOOKS if getattr(checkpoint, hook)] == ["on_train_batch_end"]
    assert all(hasattr(Callback, hook) for hook in STEP_HOOKS)


def test_hook_of_an_object_is_called():
    called = []
    trainer = Trainer(
        logger=False, callbacks=LambdaCallback(on_before_backward=lambda *_: called.append("called"))
    )
    reduce_overhead(trainer)
    trainer.callbacks[0].on_before_backward(None, None, None)
    assert called == ["called"]
