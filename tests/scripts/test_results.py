from scripts import results


def test_reliability_is_of_the_last_reader():
    table = (
        "| confidence | digits | mean confidence | correct |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| 0.2 to 0.3 | 0 / 34 | - / 25.9% | - / 50.0% |\n"
        "| 0.5 to 0.6 | 45 / 0 | 54.8% / - | 44.4% / - |\n"
        "| 0.9 to 1.0 | 4196 / 3947 | 99.7% / 98.7% | 97.1% / 99.5% |\n"
    )
    assert results.reliability(table) == [(25.9, 50.0), (98.7, 99.5)]


def test_plots_are_drawn(tmp_path):
    results.draw_accuracy(tmp_path / "accuracy.png")
    results.draw_calibration([(25.9, 50.0), (98.7, 99.5)], tmp_path / "calibration.png")
    assert all(file.stat().st_size > 5000 for file in tmp_path.glob("*.png"))
    assert [record["config"] for record in results.records()][-1] == "configs/wide.yaml"
