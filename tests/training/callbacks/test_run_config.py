"""The config of a run, saved in its folder."""

import pytest

from digitrec.cli import DigitCLI, main
from digitrec.training.callbacks import Progress
from tests.conftest import ROOT, SMALL


def test_no_config_is_saved_without_a_logger(fit, workplace):
    fit()
    for _ in range(2):
        DigitCLI(["test", "--trainer.logger=false"])
    assert not list(workplace.glob("*.yaml"))


def test_config_is_saved_in_the_run_folder(fit, workplace):
    cli = fit("--data.batch_size=70")
    assert "batch_size: 70" in (workplace / cli.trainer.log_dir / "config.yaml").read_text()


def test_folder_of_a_failed_start_is_removed_and_of_a_later_failure_is_kept(workplace, monkeypatch):
    class OwnError(Exception):
        pass

    def fail(*args):
        raise OwnError

    for method, kept in (("on_train_start", False), ("on_train_epoch_end", True)):
        for name in ("version_0", "own"):
            arguments = [f"--name={name}"] if name == "own" else []
            with monkeypatch.context() as patch:
                patch.setattr(Progress, method, fail)
                with pytest.raises(OwnError):
                    DigitCLI(["fit", f"--config={ROOT}/configs/mlp.yaml", *SMALL, *arguments])
            folders = [path.name for path in workplace.glob("lightning_logs/*")]
            assert (name in folders) == kept, folders


def test_folder_that_was_there_before_is_never_removed(workplace, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    notes = workplace / "lightning_logs" / "own" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.touch()
    monkeypatch.setattr(Progress, "on_train_start", fail)
    assert main(["fit", f"--config={ROOT}/configs/mlp.yaml", *SMALL, "--name=own"]) == 130
    assert notes.exists()


@pytest.mark.parametrize(("batch", "kept"), [(0, False), (1, True)])
def test_evaluation_that_fails_before_its_first_batch_leaves_no_folder(
    batch, kept, fit, workplace, monkeypatch
):
    def fail(self, trainer, module, images, index, *args):
        if index == batch:
            raise OSError(28, "No space left on device")

    fit()
    monkeypatch.setattr(Progress, "on_validation_batch_start", fail, raising=False)
    assert main(["validate", "--data.eval_batch_size=20"]) == 1
    assert (workplace / "lightning_logs/validate/version_0").exists() == kept
    assert (workplace / "lightning_logs/validate").exists() == kept
