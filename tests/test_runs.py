import os
from pathlib import Path

import pytest
import yaml
from jsonargparse import Namespace

from digitrec.errors import CheckpointError
from digitrec.runs import find_checkpoint
from digitrec.training.classifier import DigitClassifier
from digitrec.training.runs.matching import newest_run
from tests.checkpoint_files import ADAM, DATA, mlp, write


def run(folder, name, time, files=("best", "last"), **model):
    for file in files:
        path = write(folder / name / "checkpoints" / f"{file}.ckpt", **model)
        os.utime(path, (time, time))


def test_newest_run_has_the_latest_checkpoint(tmp_path):
    run(tmp_path, "version_0", 3000)
    run(tmp_path, "version_1", 1000)
    run(tmp_path, "deeper/version_2", 2000)
    assert find_checkpoint(None, [tmp_path]) == tmp_path / "version_0/checkpoints/best.ckpt"
    run(tmp_path, "version_1", 4000, files=("last",))
    assert find_checkpoint(None, [tmp_path]) == tmp_path / "version_1/checkpoints/best.ckpt"
    assert find_checkpoint("last", [tmp_path]) == tmp_path / "version_1/checkpoints/last.ckpt"


def test_every_folder_is_searched(tmp_path):
    run(tmp_path / "a", "old", 1000)
    run(tmp_path / "b", "new", 2000)
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "not there"]
    assert find_checkpoint("best", folders) == tmp_path / "b/new/checkpoints/best.ckpt"


def test_run_without_best_falls_back_to_last(tmp_path):
    run(tmp_path, "version_0", 1000)
    run(tmp_path, "version_1", 2000, files=("last",))
    assert find_checkpoint(None, [tmp_path]) == tmp_path / "version_1/checkpoints/last.ckpt"
    with pytest.raises(CheckpointError, match=r"no best checkpoint: it was stopped before its first valid"):
        find_checkpoint("best", [tmp_path])
    run(tmp_path, "version_2", 3000, files=("last",), data={**DATA, "val_size": 0})
    with pytest.raises(CheckpointError, match=r"no best checkpoint.*val_size 0.*--ckpt_path last"):
        find_checkpoint("best", [tmp_path])


def test_missing_last_checkpoint_is_an_error(tmp_path):
    run(tmp_path, "version_0", 1000, files=("best",))
    with pytest.raises(CheckpointError, match="has no last checkpoint"):
        find_checkpoint("last", [tmp_path])


def test_only_matching_runs_are_considered(tmp_path):
    run(tmp_path, "version_0", 1000, network=mlp(8))
    run(tmp_path, "version_1", 2000, network=mlp(4))
    found = find_checkpoint(None, [tmp_path], lambda model: model["network"] == mlp(8))
    assert found == tmp_path / "version_0/checkpoints/best.ckpt"
    assert find_checkpoint(None, [tmp_path], lambda model: False) is None


def start_run(folder, name, time, **keys):
    """The folder of a run that has no checkpoint yet."""
    (folder / name).mkdir()
    config = folder / name / "config.yaml"
    config.write_text(yaml.safe_dump({"model": {"network": mlp(4), "optimizer": ADAM}, **keys}))
    os.utime(config, (time, time))


@pytest.mark.parametrize("which", ["last", "best"])
def test_newer_run_without_a_checkpoint_is_reported(which, tmp_path, capsys):
    run(tmp_path, "version_0", 1000)
    start_run(tmp_path, "version_1", 2000)
    older = tmp_path / f"version_0/checkpoints/{which}.ckpt"
    with pytest.raises(CheckpointError) as refused:
        find_checkpoint(which, [tmp_path])
    assert str(refused.value) == (
        f"The newest run, {tmp_path}/version_1, has no checkpoint: it was stopped before its first, or has "
        "only begun, so nothing can go on from it. Fit again without --ckpt_path, or name the older run's "
        f"checkpoint: --ckpt_path {older}."
    )
    assert find_checkpoint(None, [tmp_path]) == tmp_path / "version_0/checkpoints/best.ckpt"
    message = f"The newest run, {tmp_path}/version_1, has no checkpoint: an older one is taken.\n"
    assert capsys.readouterr().out == message
    run(tmp_path, "version_0", 3000)
    assert find_checkpoint(which, [tmp_path]) == older


@pytest.mark.parametrize("which", ["last", "best", None])
def test_run_without_a_checkpoint_must_be_fitted_again(which, tmp_path):
    start_run(tmp_path, "version_0", 1000)
    with pytest.raises(CheckpointError, match=r"version_0, has no checkpoint: .* without --ckpt_path\.$"):
        find_checkpoint(which, [tmp_path])


def test_unrelated_folders_are_not_runs_without_a_checkpoint(tmp_path, foreign):
    run(tmp_path, "version_0", 1000)
    start_run(tmp_path, "version_1", 2000, verbose=True)  # of test
    start_run(tmp_path, "version_2", 2000, return_predictions=False)  # of predict
    start_run(tmp_path, "version_3", 2000, model={"network": mlp(8), "optimizer": ADAM})
    start_run(tmp_path, "version_4", 2000, model={"network": {"class_path": "foreign.Net"}})
    for number, text in enumerate(("", "a: [", "model: 3", "\0")):
        start_run(tmp_path, f"broken_{number}", 2000)
        (tmp_path / f"broken_{number}" / "config.yaml").write_text(text)
    found = find_checkpoint("last", [tmp_path], lambda model: model["network"] == mlp(4))
    assert found == tmp_path / "version_0/checkpoints/last.ckpt"
    assert not foreign()


def model_checkpoint(path, monitor="val/acc"):
    return {"callbacks": {"ModelCheckpoint": {"monitor": monitor, "best_model_path": str(path)}}}


def save(path, time, best=None, monitor="val/acc"):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, changes=model_checkpoint(best or path, monitor))
    os.utime(path, (time, time))


@pytest.mark.parametrize("name", ["some epoch.ckpt", "epoch=1-val/acc=0.9.ckpt"])
def test_other_file_names_are_found(name, tmp_path):
    checkpoints = tmp_path / "version_0/checkpoints"
    best, last = checkpoints / name, checkpoints / "newer.ckpt"
    save(best, 1000)
    save(last, 2000, "/another/machine/" + best.name)
    assert [find_checkpoint(which, [tmp_path]) for which in (None, "best", "last")] == [best, best, last]


def test_checkpoint_without_a_monitor_is_the_last(tmp_path):
    path = tmp_path / "version_0/checkpoints/epoch=4-step=860.ckpt"
    save(path, 1000, monitor=None)
    assert find_checkpoint(None, [tmp_path]) == find_checkpoint("last", [tmp_path]) == path
    with pytest.raises(CheckpointError, match="or no ModelCheckpoint with a monitor saves one"):
        find_checkpoint("best", [tmp_path])


@pytest.mark.parametrize("with_last", [True, False])
def test_best_checkpoint_in_another_folder_is_found(with_last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    callback = {"class_path": "ModelCheckpoint", "init_args": {"dirpath": "elsewhere"}}
    (tmp_path / "logs").mkdir()
    start_run(tmp_path / "logs", "version_0", 2000, trainer={"callbacks": [callback]})
    save(tmp_path / "elsewhere/of an older run.ckpt", 1000)
    best = Path("elsewhere/model.ckpt")
    save(best, 3000)
    if with_last:
        save(tmp_path / "logs/version_0/checkpoints/last.ckpt", 4000, best)
    assert find_checkpoint(None, [Path("logs")]) == best


@pytest.mark.parametrize(
    ("logger", "folder"),
    [
        ({"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": {"project": "p"}}, "p"),
        (
            {"class_path": "WandbLogger", "init_args": {"name": "first try", "save_dir": "w"}},
            "w/lightning_logs",
        ),
        (
            {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "c"}},
            "c/lightning_logs",
        ),
        ([{"class_path": "TensorBoardLogger", "init_args": {"name": "n"}}, {"class_path": "CSVLogger"}], "n"),
        ({"class_path": "lightning.pytorch.loggers.MLFlowLogger"}, "lightning_logs"),
    ],
    ids=str,
)
def test_folder_of_the_logger_is_searched(logger, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / folder, "of the logger", 1000)
    found = newest_run(None, Namespace({"trainer.logger": logger}), DigitClassifier)
    assert found == Path(folder) / "of the logger/checkpoints/best.ckpt"
