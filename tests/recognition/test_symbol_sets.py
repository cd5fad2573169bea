"""Every symbol of hama and of pocketsphinx: what it folds to, or why it is no phone.

hama_labels.json holds the 191 labels of hama 1.7.0 in the order of their ids; where the packages are installed, their
own symbol sets are compared with what is written here.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from asheard.phones import PHONES, reason_without_phone
from asheard.recognition.external.hama import SPECIAL_LABELS, Hama
from asheard.recognition.protocol import Label, fold_labels

HAMA = json.loads(Path(__file__).with_name("hama_labels.json").read_text(encoding="utf-8"))
# What is not a phone of the inventory already, written out by hand.
HAMA_FOLDS = """
    g=ɡ r=ɹ ɹ=ɹ d͡ʒ=dʒ t͡ʃ=tʃ ɚ=ɝ ɜ=ɝ ɫ=l ɾ=t ʔ=t a=ɑ e=eɪ o=oʊ eə=ɛ+ə ɪə=ɪ+ə
    kʰ=k pʰ=p tʰ=t k͈=k p͈=p s͈=s t͈=t t͡ɕ=tʃ t͡ɕʰ=tʃ t͡ɕ͈=tʃ ɯ=u ɯi=u+i
    ja=j+ɑ je=j+eɪ jo=j+oʊ ju=j+u jʌ=j+ʌ wa=w+ɑ we=w+eɪ wi=w+i wʌ=w+ʌ
    ã=ɑ ä=ɑ å=ɑ à=ɑ ẽ=eɪ ĩ=i ì=i ǐ=i ñ=n õ=oʊ ũ=u ẑ=z ø=ɝ œ=ɝ y=u ɐ=ə ɒ=ɑ ɘ=ə ɤ=ʌ ɨ=ɪ ɵ=ʊ ʉ=u ʏ=ʊ
    c=tʃ ɟ=dʒ ɓ=b ɗ=d ʙ=b ɖ=d ʈ=t x=h ç=h ħ=h ɦ=h χ=h ɕ=ʃ ʂ=ʃ ʐ=ʒ ʑ=ʒ ɸ=f β=v ʋ=v ɣ=ɡ ɰ=ɡ ɥ=j ʝ=j
    ɱ=m ɴ=ŋ ɲ=n+j ʎ=l+j ɮ=l ɻ=ɹ ɽ=ɹ ʀ=ɹ ʁ=ɹ
"""
HAMA_MARKS = (
    "ʰʱʲʷˀːˑ˕˞ˤ˥˦˧˨˩ᵊᵝ²³¹⁰⁴⁵꜔"
    "\u0303\u0306\u0308\u030a\u030c\u030d\u031a\u031d\u031e\u031f\u0320\u0325\u0329\u032a\u032c\u032f\u0330\u033a\u033b"
    "\u0348\u034d\u035c\u0361"
)
HAMA_NO_SOUND = "%,~‿⁻⁽⁾一不"

POCKETSPHINX = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɝ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip


def test_hama_labels_fold_or_are_left_out():
    written = dict(entry.split("=") for entry in HAMA_FOLDS.split())
    expected = {label: tuple(phones.split("+")) for label, phones in written.items()}
    expected |= {phone: (phone,) for phone in PHONES if phone in HAMA}
    without = {*HAMA_MARKS, *HAMA_NO_SOUND, "<unk>"}
    assert len(HAMA) == len(set(HAMA)) == 191
    assert set(HAMA) == expected.keys() | without | SPECIAL_LABELS
    assert len(HAMA) == len(expected) + len(without) + len(SPECIAL_LABELS)
    for label, phones in expected.items():
        assert fold_labels([Label(label)], "ipa").phones == phones, label
    transcript = fold_labels([Label(label) for label in HAMA if label in without], "ipa")
    assert transcript.phones == ()
    reasons = Counter(reason_without_phone(label).partition(" (")[2] for label in transcript.left_out)
    assert reasons == {
        "a mark on its own)": len(HAMA_MARKS),
        "no phone of English)": len(HAMA_NO_SOUND),
        "a sound the recogniser has no label for)": 1,
    }


def test_hama_labels_reach_all_phones():
    assert set(fold_labels([Label(label) for label in HAMA if label not in SPECIAL_LABELS], "ipa").phones) == set(
        PHONES
    )


def test_hama_labels_equal_the_installed_ones():
    pytest.importorskip("hama")
    assert Hama().labels == HAMA


def test_pocketsphinx_phones_fold():
    for label, phone in POCKETSPHINX.items():
        assert fold_labels([Label(label)], "arpabet").phones == (phone,)
    assert set(POCKETSPHINX.values()) == set(PHONES) - {"ə"}


def test_pocketsphinx_noises_are_left_out():
    transcript = fold_labels([Label("+NSN+"), Label("K"), Label("+SPN+")], "arpabet")
    assert (transcript.phones, transcript.left_out) == (("k",), ("+NSN+", "+SPN+"))
    assert reason_without_phone("+SPN+") == "+SPN+ (a noise)"


def test_pocketsphinx_phones_equal_the_installed_ones():
    pocketsphinx = pytest.importorskip("pocketsphinx")
    model = Path(pocketsphinx.get_model_path("en-us/en-us/mdef")).read_bytes()
    names = model[model.index(b"+NSN+\0") :].split(b"\0")  # the first of its sorted context-independent phones
    assert {name.decode() for name in names[:42]} == POCKETSPHINX.keys() | {"SIL", "+NSN+", "+SPN+"}


def test_reason_without_phone_of_a_combining_mark():
    assert reason_without_phone("\u032f") == "◌\u032f (a mark on its own)"
