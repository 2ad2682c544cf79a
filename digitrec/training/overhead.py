"""What Lightning does at every step and a step of one millisecond can do without.

The network is so small that a quarter of a fit was spent here (scripts/benchmark.py train measures it).
"""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.profilers import PassThroughProfiler

_NOTHING: AbstractContextManager[Any] = nullcontext()


class NoProfiler(PassThroughProfiler):
    """Lightning's absent profiler, without a new context for each of the 60 actions of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Give a context that does nothing."""
        return _NOTHING


class LeaveWhenDone(Callback):
    """Take callbacks off the list that have done their work: each step asks every callback six times."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the others; a new list, since Lightning is walking over the old one."""
        done = ModelSummary, SaveConfigCallback, LeaveWhenDone
        trainer.callbacks = [  # type: ignore[attr-defined]
            callback
            for callback in trainer.callbacks  # type: ignore[attr-defined]
            if not isinstance(callback, done)
        ]


def lighten(trainer: Trainer) -> None:
    """Spare a trainer work without a result: timing nothing, looking for a GPU that nobody asked for."""
    trainer.callbacks.append(LeaveWhenDone())  # type: ignore[attr-defined]
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
    if isinstance(trainer.accelerator, CPUAccelerator):
        # Lightning sets it for the sake of forked GPU processes. With it a CUDA build of torch loads the
        # driver's library anew at every optimizer step to see whether there is a GPU: a fifth of the step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
