import os

import pytest
from lightning.pytorch.profilers import SimpleProfiler

from digitrec.training.compat.overhead import NoProfiler

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def test_a_cpu_run_does_not_look_for_a_gpu_at_each_step(fit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    fit("--trainer.accelerator=cpu")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(("profiler", "expected"), [("null", NoProfiler), ("simple", SimpleProfiler)])
def test_a_profiler_that_was_asked_for_stays(profiler, expected, fit):
    assert type(fit(f"--trainer.profiler={profiler}").trainer.profiler) is expected
