"""Work of Lightning at every step that has no result: ``python -m scripts.benchmark train`` measures it."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.profilers import PassThroughProfiler

_NOTHING: AbstractContextManager[Any] = nullcontext()


class NoProfiler(PassThroughProfiler):
    """Lightning's absent profiler, without a new context for each of the 60 actions of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context that does nothing."""
        return _NOTHING


def reduce_overhead(trainer: Trainer) -> None:
    """Stop a trainer from timing nothing and from looking for a GPU that nobody asked for."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
    if isinstance(trainer.accelerator, CPUAccelerator):
        # Lightning sets it for forked GPU processes. With it a CUDA build of torch loads the driver's library
        # at every optimizer step, to see whether there is a GPU: a fifth of the step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
