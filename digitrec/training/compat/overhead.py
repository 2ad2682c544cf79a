"""Work of Lightning at every step that has no result: ``python -m scripts.benchmark train`` measures it."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.profilers import PassThroughProfiler

STEP_HOOKS = (
    *("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
)
"""What Lightning calls of each callback at each training step."""

_NOTHING: AbstractContextManager[Any] = nullcontext()


class NoProfiler(PassThroughProfiler):
    """Lightning's absent profiler, without a new context for each of the 60 actions of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context that does nothing."""
        return _NOTHING


def reduce_overhead(trainer: Trainer) -> None:
    """Stop a trainer from timing nothing, calling empty hooks and looking for a GPU without need."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        _skip_empty_hooks(callback)
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
    if isinstance(trainer.accelerator, CPUAccelerator):
        # Lightning sets it for forked GPU processes. With it a CUDA build of torch loads the driver's library
        # at every optimizer step, to see whether there is a GPU: a fifth of the step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


def _skip_empty_hooks(callback: Callback) -> None:
    """Put None in place of the step's hooks that a callback does not have: Lightning calls what is callable.

    Before each call Lightning also makes the callback's ``state_key``, which takes longer than the hook.
    """
    for hook in STEP_HOOKS:
        if getattr(type(callback), hook) is getattr(Callback, hook) and hook not in vars(callback):
            setattr(callback, hook, None)
