import os

import pytest
from lightning.pytorch.profilers import SimpleProfiler

from digitrec.training.compat.overhead import NoProfiler

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def test_cpu_run_does_not_check_for_a_gpu_at_each_step(fit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    fit("--trainer.accelerator=cpu")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(("profiler", "expected"), [("null", NoProfiler), ("simple", SimpleProfiler)])
def test_requested_profiler_is_kept(profiler, expected, fit):
    assert type(fit(f"--trainer.profiler={profiler}").trainer.profiler) is expected
