import pytest

from scripts.lib.scoring import aligned, comparable, score

pytestmark = pytest.mark.scripts


def scored(label, text, signs=True, sure=0.95):
    return score(label, text, [sure] * len(text.replace(" ", "")), signs)


@pytest.mark.parametrize(
    ("label", "text", "signs", "exact"),
    [
        ("3?14", "3?14", True, True),
        ("3?14", "314", True, False),  # the decimal point vanished
        ("3?14", "3??14", True, True),
        ("12 3", "?12? ? 3", True, True),
        ("123", "1?23", True, False),
        ("123", "1?23", False, True),  # the label records no signs
        ("123", "1?3", False, False),
        ("123", "?23", False, False),
        ("123", "?23", True, False),
        ("1?2", "1?", True, False),
        ("12 3", "12", True, False),
        ("12", "12 3", True, False),
    ],
)
def test_a_question_mark_stands_for_a_sign_and_never_for_a_digit(label, text, signs, exact):
    assert scored(label, text, signs).exact is exact


def test_an_additional_question_mark_is_seen_in_plain_only():
    assert (scored("12", "12?").exact, scored("12", "12?").plain) == (True, False)
    assert scored("1?2 3", "1??2 3").plain


def test_lines_are_counted_in_order_and_an_additional_one_spoils_no_other():
    several = scored("12 34 56", "99 12 3? 56")
    assert (several.lines, several.lines_exact, several.exact) == (3, 2, False)
    assert scored("12 34", "34 12").lines_exact == 1


def test_digits_are_aligned_and_certain_ones_without_a_partner_are_silent_errors():
    wrong = scored("12345", "1234 95")
    assert (wrong.digits, wrong.read, wrong.silent) == (5, 5, 1)
    assert scored("12345", "1294", sure=0.89).silent == 0
    assert scored("123", "1?3").silent == 0


def test_of_equal_alignments_the_one_with_the_more_certain_digits_is_taken():
    assert aligned("7", "777", [0.5, 0.99, 0.6]) == {1}
    assert score("7", "77", [0.3, 0.99], signs=False).silent == 0
    assert aligned("", "1") == aligned("1", "") == set()


def test_lines_are_comparable_without_outer_question_marks():
    assert comparable("?7?8? ?? 12 ?3", signs=True) == ["7?8", "12", "3"]
    assert comparable("? ??", signs=True) == comparable("", signs=True) == []
