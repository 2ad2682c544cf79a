"""The config of a run, saved in its folder."""

from digitrec.cli import DigitCLI


def test_no_config_is_saved_without_a_logger(fit, workplace):
    fit()
    for _ in range(2):
        DigitCLI(["test", "--trainer.logger=false"])
    assert not list(workplace.glob("*.yaml"))


def test_config_is_saved_in_the_run_folder(fit, workplace):
    cli = fit("--data.batch_size=70")
    assert "batch_size: 70" in (workplace / cli.trainer.log_dir / "config.yaml").read_text()
