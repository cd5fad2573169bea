"""The alphabet of a file, detected from all its labels; files in two alphabets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.labels import LabelFolder
from asheard.errors import CorpusError
from asheard.phones import PHONES, detect_alphabet, fold_arpabet, fold_espeak, fold_ipa


def fields(text: str) -> list[str]:
    return text.split()


# The 40 phones in ARPAbet; in IPA with marks that English transcripts have; as eSpeak writes them for en-us.
ARPABET = fields("""P B T D K G CH JH F V TH DH S Z SH ZH HH M N NG L R W Y
    IY IH EY EH AE AA AO OW UH UW AH AX ER AY AW OY""")
IPA = fields("""pʰ b t d̪ k g t͡ʃ d͡ʒ f v θ ð s z ʃ ʒ h m n ŋ ɫ r w j
    iː ɪ eɪ ɛ æ ɑː ɔː oʊ ʊ uː ʌ ə ɝ aɪ aʊ ɔɪ""")
ESPEAK = fields("""p b t d k ɡ tʃ dʒ f v θ ð s z ʃ ʒ h m n ŋ l ɹ w j
    iː ᵻ eɪ ɛ æ ɑː ɔː oʊ ʊ uː ʌ ɐ ɜː aɪ aʊ ɔɪ""")
ONLY_ESPEAK = ["ɔːɹ", "ɑːɹ", "əl", "aɪɚ"]
VOWELS_FROM = 24  # vowels tell ARPAbet from IPA, most consonants do not


def test_alphabets_hold_the_40_phones() -> None:
    assert [fold_arpabet(label) for label in ARPABET] == list(PHONES)
    assert [fold_ipa(label) for label in IPA] == [fold_espeak(label) for label in ESPEAK] == [(p,) for p in PHONES]


@given(st.lists(st.integers(0, 39), min_size=1), st.integers(VOWELS_FROM, 39), st.booleans())
def test_label_folder_any_alphabet(ids: list[int], vowel: int, lower: bool) -> None:
    ids = [*ids, vowel]
    expected = [(PHONES[index],) for index in ids]
    for alphabet in ([label.lower() if lower else label for label in ARPABET], IPA, ESPEAK):
        labels = [alphabet[index] for index in ids]
        folder = LabelFolder(labels)
        assert [folder.fold(label, "here") for label in labels] == expected


@given(st.lists(st.sampled_from(ESPEAK)), st.sampled_from(ONLY_ESPEAK))
def test_detect_alphabet_one_label_of_espeak(labels: list[str], only: str) -> None:
    assert detect_alphabet([*labels, only]) == "espeak"


@pytest.mark.parametrize(
    ("labels", "alphabet"),
    [
        ("t d s err", "arpabet"),  # the same phones in every alphabet
        ("n y uw", "arpabet"),
        ("n y uː", "ipa"),  # y is a vowel here
        ("b ax t er d", "arpabet"),
        ("th ih s", "arpabet"),
        ("t ɪ S əl", "espeak"),  # S is ʃ here
    ],
)
def test_label_folder_shared_labels(labels: str, alphabet: str) -> None:
    assert LabelFolder(labels.split()).alphabet == alphabet


def test_detect_alphabet_takes_the_more_frequent() -> None:
    assert detect_alphabet(["ð", "ə", "æ"] + 2 * ["AH", "DH"]) == "arpabet"
    assert detect_alphabet(2 * ["ð", "ə", "æ"] + ["AH", "DH", "IH", "EH"]) == "ipa"


@pytest.mark.parametrize(
    ("most", "strange", "is_in", "rest_in"),
    [
        ("DH AH0 K AE1 T", "ð", "IPA", "ARPAbet"),
        ("dh ah k ae t", "ɔːɹ", "eSpeak's IPA", "ARPAbet"),
        ("ð ə k æ t", "dh", "ARPAbet", "IPA"),
        ("ð ə k ɔːɹ t", "ER1", "ARPAbet", "eSpeak's IPA"),
    ],
)
def test_label_folder_refuses_two_alphabets(most: str, strange: str, is_in: str, rest_in: str) -> None:
    folder = LabelFolder([*most.split(), strange])
    with pytest.raises(CorpusError) as caught:
        folder.fold(strange, "file.csv, line 7, phones 3")
    assert str(caught.value) == (
        f"file.csv, line 7, phones 3: {strange!r} is {is_in}, but most labels of the file are {rest_in}; "
        "write the whole file in one alphabet"
    )


@given(st.lists(st.integers(VOWELS_FROM, 39), min_size=1), st.lists(st.integers(VOWELS_FROM, 39), min_size=1))
def test_label_folder_refuses_vowels_of_two_alphabets(first: list[int], second: list[int]) -> None:
    labels = [ARPABET[index] for index in first] + [ESPEAK[index] for index in second]
    folder = LabelFolder(labels)
    with pytest.raises(CorpusError, match="but most labels"):
        [folder.fold(label, "here") for label in labels]


def test_label_folder_refuses_a_label_of_no_alphabet() -> None:
    with pytest.raises(CorpusError, match=r"line 1: '@@1' is not an ARPAbet symbol; correct it"):
        LabelFolder(["DH", "AH", "@@1"]).fold("@@1", "line 1")


def test_label_folder_ignores_a_wrong_label() -> None:
    with pytest.raises(CorpusError, match="line 1: 'qq' is"):
        LabelFolder(["ð", "ə", "k", "qq"]).fold("qq", "line 1")
