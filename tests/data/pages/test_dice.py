import numpy as np

from digitrec.data.pages.dice import Dice


def draws(*key):
    dice = Dice(*key)
    return [dice.uniform(0, 1) for _ in range(5)] + [dice.normal(1), dice.below(1000)]


def test_draws_depend_only_on_the_key():
    assert draws(1, 2, 3) == draws(1, 2, 3)
    assert draws(1, 2, 3) != draws(1, 3, 2) != draws(12, 3)


def test_draws_stay_in_range_and_have_the_expected_mean():
    dice = Dice(0)
    uniform = [dice.uniform(2, 5) for _ in range(4000)]
    logarithmic = [dice.log_uniform(0.1, 10) for _ in range(4000)]
    assert 2 <= min(uniform) <= max(uniform) <= 5
    assert abs(np.mean(uniform) - 3.5) < 0.1
    assert 0.1 <= min(logarithmic) <= max(logarithmic) <= 10
    assert abs(np.mean(np.log(logarithmic))) < 0.15
    assert dice.log_uniform(2, 1) == 2  # an empty range is its lower end
    assert abs(np.mean([dice.chance(0.3) for _ in range(4000)]) - 0.3) < 0.03
    assert {dice.below(3) for _ in range(100)} == {0, 1, 2}


def test_choices_are_drawn_in_proportion_to_their_weights():
    dice = Dice(4)
    picked = [dice.pick("abc", (1, 3, 0)) for _ in range(2000)]
    assert abs(picked.count("b") / 2000 - 0.75) < 0.04
    assert "c" not in picked


def test_noise_has_mean_zero_and_variance_one():
    noise = Dice(5).noise(80, 90)
    assert noise.shape == (80, 90)
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.03
