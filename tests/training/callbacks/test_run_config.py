"""The config of a run, saved in its folder."""

from digitrec.cli import DigitCLI


def test_without_a_logger_no_config_is_saved_and_a_second_run_works(fit, workplace):
    fit()
    for _ in range(2):
        DigitCLI(["test", "--trainer.logger=false"])
    assert not list(workplace.glob("*.yaml"))


def test_the_config_of_a_run_is_in_its_folder(fit, workplace):
    cli = fit("--data.batch_size=70")
    assert "batch_size: 70" in (workplace / cli.trainer.log_dir / "config.yaml").read_text()
