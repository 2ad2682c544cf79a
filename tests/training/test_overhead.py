import os

import pytest
from lightning.pytorch.profilers import SimpleProfiler

from digitrec.training.classifier import DigitClassifier
from digitrec.training.overhead import NoProfiler

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def test_a_step_asks_only_callbacks_that_have_something_to_do(fit, monkeypatch):
    asked = set()
    step = DigitClassifier.training_step

    def remember(self, *args):
        asked.update(type(callback).__name__ for callback in self.trainer.callbacks)
        return step(self, *args)

    monkeypatch.setattr(DigitClassifier, "training_step", remember)
    fit()
    always = {"ExactResume", "StopAtDivergence"}
    assert asked == {"Figures", "ModelCheckpoint", "LastCheckpoint", "TQDMProgressBar", *always}


def test_a_cpu_run_does_not_look_for_a_gpu_at_each_step(fit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    fit("--trainer.accelerator=cpu")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(("profiler", "expected"), [("null", NoProfiler), ("simple", SimpleProfiler)])
def test_a_profiler_that_was_asked_for_stays(profiler, expected, fit):
    assert type(fit(f"--trainer.profiler={profiler}").trainer.profiler) is expected
