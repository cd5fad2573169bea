"""Readings of numbers, money, fractions, dates, times and units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.phones.lexicon import attested_pronunciations, phrase_pronunciations
from asheard.phones.numbers import NUM_READINGS, cardinal, ordinal, readings


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (1_005, "one thousand five"),
        (1_000_000, "one million"),
        (2_030_405, "two million thirty thousand four hundred five"),
        (
            999_999_999_999_999,
            " ".join(
                f"nine hundred ninety nine{scale}" for scale in (" trillion", " billion", " million", " thousand", "")
            ),
        ),
    ],
)
def test_cardinal(number, words):
    assert cardinal(number) == words


def test_cardinal_with_and():
    assert cardinal(1_005, " and") == "one thousand and five"
    assert cardinal(2_345_678, " and") == (
        "two million three hundred and forty five thousand six hundred and seventy eight"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "first"), (12, "twelfth"), (20, "twentieth"), (42, "forty second"), (100, "one hundredth"), (9, "ninth")],
)
def test_ordinal(number, words):
    assert ordinal(cardinal(number)) == words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7", "seven"),
        ("1984", "nineteen eighty four|one thousand nine hundred eighty four"),
        ("2005", "two thousand five|two thousand and five|twenty oh five"),
        ("2024", "twenty twenty four|two thousand twenty four"),
        ("1900", "nineteen hundred|one thousand nine hundred"),
        ("911", "nine hundred eleven|nine eleven|nine one one"),
        ("100", "one hundred|a hundred"),
        ("007", "zero zero seven|oh oh seven"),
        ("1,234", "one thousand two hundred thirty four"),
        ("1 000 000", "one million|a million"),
        ("3.14", "three point one four"),
        ("0.5", "zero point five|point five"),
        ("-5", "minus five|negative five"),
        ("-2.5", "minus two point five|negative two and a half"),
        ("1/2", "one half|a half|half"),
        ("3/4", "three quarters|three fourths|three over four"),
        ("2 1/2", "two and a half"),
        ("24/7", "twenty four seven"),
        ("$5", "five dollars|five dollar"),
        ("No. 5", "number five|no five"),
        ("10 min", "ten minutes|ten minute"),
        ("$1", "one dollar|a dollar"),
        ("$5.50", "five dollars and fifty cents|five dollars fifty cents|five fifty"),
        ("$0.99", "ninety nine cents"),
        ("$1.5bn", "one point five billion dollars|one and a half billion dollars"),
        ("$3 million", "three million dollars"),
        ("£3.01", "three pounds and one penny|three oh one"),
        ("5€", "five euros"),
        ("50%", "fifty percent"),
        ("21st", "twenty first"),
        ("1980s", "nineteen eighties"),
        ("'90s", "nineties"),
        ("3:00", "three o'clock|three"),
        ("3:05pm", "three oh five p. m.|three oh five"),
        ("10:30", "ten thirty|half past ten"),
        ("6:45", "six forty five|quarter to seven"),
        ("9am", "nine a. m."),
        ("12/25/2024", "december twenty fifth twenty twenty four|twelve twenty five twenty twenty four"),
        ("25.12.2024", "the twenty fifth of december twenty twenty four"),
        ("2024-12-25", "december twenty fifth twenty twenty four"),
        ("10-20", "ten to twenty"),
        ("1914-1918", "nineteen fourteen to nineteen eighteen"),
        ("555-1234", "five five five one two three four"),
        ("5 km", "five kilometers"),
        ("1kg", "one kilogram"),
        ("20°C", "twenty degrees celsius|twenty degrees"),
        ("60mph", "sixty miles an hour|sixty miles per hour"),
        ("5G", "five g."),
        ("#1", "number one|hashtag one"),
        ("4x4", "four by four"),
        ("2x", "two times|two x."),
        ("×", "times"),
        ("±5", "plus or minus five"),
        ("8km^2", "eight square kilometers"),
        ("R2D2", "r. two d. two"),
        ("COVID-19", "COVID nineteen"),
        ("24-hour", "twenty four hour"),
        ("10^2", "ten squared"),
        ("5'10", "five foot ten|five ten"),
        ("&", "and"),
        ("rock&roll", "rock and roll"),
    ],
)
def test_readings(written, expected):
    found = readings(written)
    usual, *others = expected.split("|")
    assert usual in found
    assert set(others) <= set(found)
    assert len(found) == len(set(found)) <= NUM_READINGS


@pytest.mark.parametrize(
    ("written", "first"),
    [("1984", "nineteen eighty four"), ("1/2", "one half"), ("24/7", "twenty four seven"), ("-5", "minus five")],
)
def test_readings_have_the_usual_one_first(written, first):
    assert readings(written)[0] == first


@given(st.integers(0, 10**15 - 1))
def test_readings_of_whole_numbers_are_words_of_cmudict(number):
    for written in (str(number), f"{number:,}", f"{number:,}".replace(",", " ")):
        phrases = readings(written)
        assert cardinal(number) in phrases
        assert all(attested_pronunciations(word) for phrase in phrases for word in phrase.split())


@given(st.from_regex(r"[-+#$£€]?[0-9a-zA-Z.,:/%°' x×^&@-]{1,20}", fullmatch=True))
def test_readings_of_any_mixture_are_words(written):
    for phrase in readings(written):
        assert phrase == " ".join(phrase.split())
        assert not any(map(str.isdigit, phrase))


def test_readings_of_many_parts_are_not_all_made():
    """20 numbers with four readings each have 10^12 readings together."""
    found = readings("R1234" * 20)
    assert len(set(found)) == NUM_READINGS
    assert all(phrase.count("r.") == 20 for phrase in found)


def test_phrase_pronunciations_change_one_word_at_a_time():
    found = [" ".join(phones) for phones in phrase_pronunciations("twenty thousand")]
    assert found == ["t w ɛ n t i θ aʊ z ə n d", "t w ɛ n i θ aʊ z ə n d", "t w ɛ n t i θ aʊ z ə n"]
