"""Every private name that digitrec.training.compat uses, and that it still means what it is used for.

When a new release of one of these packages makes other tests fail, look here first.
"""

import inspect

import jsonargparse
import lightning_utilities.core.imports
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loops.optimization.automatic import ClosureResult
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.trainer.connectors.checkpoint_connector import _CheckpointConnector
from lightning.pytorch.trainer.connectors.data_connector import _DataHookSelector


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_loops_have_the_names_used_by_exact_resume():
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    assert trainer.fit_loop._data_fetcher is None  # before the first epoch
    assert parameters(trainer.fit_loop.epoch_loop._should_check_val_fx) == ["data_fetcher"]
    assert parameters(trainer.fit_loop.epoch_loop._should_accumulate) == []


def test_checkpoints_are_restored_by_the_connector():
    connector = Trainer(logger=False, enable_progress_bar=False)._checkpoint_connector
    assert type(connector) is _CheckpointConnector
    assert callable(connector._restore_modules_and_callbacks)
    assert callable(connector.restore_training_state)
    assert callable(connector.resume_start)


def test_model_checkpoint_has_the_names_used_to_save():
    checkpoint = ModelCheckpoint(every_n_train_steps=7)
    assert checkpoint._every_n_train_steps == 7
    assert parameters(checkpoint._save_topk_checkpoint) == ["trainer", "monitor_candidates"]
    assert parameters(checkpoint._monitor_candidates) == ["trainer"]
    assert parameters(checkpoint._should_skip_saving_checkpoint) == ["trainer"]


def test_csv_logger_creates_its_writer_in_a_property(tmp_path):
    logger = CSVLogger(tmp_path)
    assert logger._experiment is None
    assert logger.experiment is logger._experiment
    assert parameters(ExperimentWriter._check_log_dir_exists) == ["self"]


def test_parser_parses_without_defaults_and_validation():
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--needed", type=int, required=True)
    parser.add_argument("--other", type=int, default=1)
    assert parser.parse_args([], defaults=False, _skip_validation=True) == jsonargparse.Namespace()


def test_parser_lists_its_options():
    parser = jsonargparse.ArgumentParser()
    parser.add_argument("--some.key", type=int, default=1)
    assert [(action.dest, action.default) for action in parser._actions][1:] == [("some.key", 1)]


def test_cli_stores_a_parser_for_each_subcommand():
    assert "_subcommand_parsers" in inspect.getsource(LightningCLI)


def test_fused_optimizer_is_marked_as_unscaling_gradients():
    weights = [torch.nn.Parameter(torch.zeros(1))]
    assert torch.optim.Adam(weights, fused=True)._step_supports_amp_scaling
    assert not getattr(torch.optim.Adam(weights), "_step_supports_amp_scaling", False)


def test_lightning_utilities_look_up_versions_by_a_replaceable_name():
    assert callable(vars(lightning_utilities.core.imports)["_version"])
    assert "_version(" in inspect.getsource(lightning_utilities.core.imports.RequirementCache)


def test_pass_through_profiler_has_a_profile_method():
    assert parameters(PassThroughProfiler.profile) == ["self", "action_name"]


@pytest.mark.parametrize("name", ["lightning", "jsonargparse"])
def test_packages_with_used_private_names_have_upper_bounds(name):
    from importlib.metadata import requires

    [requirement] = [r for r in requires("digitrec") or [] if r.startswith(name) and "extra" not in r]
    assert "<" in requirement


def test_trainer_has_the_names_that_reduce_overhead():
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    loop = trainer.fit_loop.epoch_loop
    assert parameters(loop._build_kwargs) == ["kwargs", "batch", "batch_idx"]
    assert loop.automatic_optimization.output_result_cls is ClosureResult
    assert parameters(ClosureResult.from_training_step_output) == ["training_step_output", "normalize"]
    assert parameters(_DataHookSelector.get_instance) == ["self", "hook_name"]
    assert "_datahook_selector" in vars(trainer._data_connector)
    assert "_current_fx_name" in vars(LightningModule())
    assert ModelCheckpoint()._train_time_interval is None
    assert not torch._C._autograd._profiler_enabled()
