"""Work of Lightning at every step that has no result: ``python -m scripts.benchmark train`` measures it."""

import os
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loops.optimization.automatic import ClosureResult
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.utilities.signature_utils import is_param_in_hook_signature
from torch._C._autograd import _profiler_enabled
from torch.autograd.profiler import record_function

STEP_HOOKS = (
    *("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
)
"""What Lightning calls of each callback, and of the module, at each training step."""

_NOTHING: AbstractContextManager[Any] = nullcontext()


class QuickModule(LightningModule):
    """A LightningModule that sets the name of the current hook as a plain attribute.

    Lightning sets it about forty times at each step. PyTorch's modules would look each time whether it is a
    parameter, a buffer or a module.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)


class NoProfiler(PassThroughProfiler):
    """Lightning's absent profiler, without a new context for each of the 60 actions of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context that does nothing."""
        return _NOTHING


class QuickRecord(record_function):
    """PyTorch's ``record_function``, which records only while a profiler runs.

    The loader and the optimizer record three ranges at each step, also where nothing would read them.
    """

    def __enter__(self) -> "QuickRecord":
        if _profiler_enabled():
            super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        if self.record is not None:
            super().__exit__(*error)


class UndividedLoss(ClosureResult):
    """The result of a step, whose loss is not divided by one where no gradients are accumulated."""

    @classmethod
    def from_training_step_output(cls, training_step_output: Any, normalize: int = 1) -> ClosureResult:
        """Return the result of a step from what ``training_step`` returns."""
        if normalize == 1 and isinstance(training_step_output, torch.Tensor):
            return cls(training_step_output)
        return super().from_training_step_output(training_step_output, normalize)


def reduce_overhead(trainer: Trainer, module: LightningModule) -> None:
    """Stop a trainer from doing at each step what has no result; to be called when the training starts.

    All hooks, callbacks, loggers and profilers of the user work as before.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        _skip_empty_hooks(callback, Callback)
        if type(callback) is ModelCheckpoint and not _saves_inside_epochs(callback):
            callback.on_train_batch_end = None  # type: ignore[assignment]
    _skip_empty_hooks(module, LightningModule)
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
    torch.autograd.profiler.record_function = QuickRecord  # type: ignore[misc]
    _decide_once(trainer, module)
    if isinstance(trainer.accelerator, CPUAccelerator):
        # Lightning sets it for forked GPU processes. With it a CUDA build of torch loads the driver's library
        # at every optimizer step, to see whether there is a GPU: a fifth of the step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


def _decide_once(trainer: Trainer, module: LightningModule) -> None:
    """Decide before the first step what Lightning would find out again at each: signatures, overrides."""
    loop: Any = trainer.fit_loop.epoch_loop
    loop.automatic_optimization.output_result_cls = UndividedLoss
    if is_param_in_hook_signature(module.training_step, "batch_idx", min_args=2):
        loop._build_kwargs = lambda _, batch, batch_idx: OrderedDict(batch=batch, batch_idx=batch_idx)
    owners: Any = trainer._data_connector._datahook_selector  # of the hooks that module and data share
    owners.get_instance = cache(owners.get_instance)


def _skip_empty_hooks(owner: Callback | LightningModule, base: type) -> None:
    """Put None in place of the step's hooks that an object does not have: Lightning calls what is callable.

    Before each call of a callback Lightning also makes its ``state_key``, which takes longer than the hook.
    """
    for hook in STEP_HOOKS:
        if getattr(type(owner), hook) is getattr(base, hook) and hook not in vars(owner):
            setattr(owner, hook, None)


def _saves_inside_epochs(checkpoint: ModelCheckpoint) -> bool:
    return checkpoint._every_n_train_steps > 0 or checkpoint._train_time_interval is not None
