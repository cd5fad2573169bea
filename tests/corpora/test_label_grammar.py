"""The label grammar, label by label and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.l2arctic import Label, parse_label
from asheard.corpora.records import ErrorType
from asheard.phones import fold_arpabet

VOWELS = ["AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
SYMBOLS = [
    "B",
    "CH",
    "D",
    "DH",
    "F",
    "G",
    "HH",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
    *VOWELS,
]
SILENCES = ["", "sil", "SIL", "sp", "spn", "  "]
OK, S, D, A = ErrorType


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AO1", Label("ɔ", "ɔ", OK, False)),
        ("AH0", Label("ə", "ə", OK, False)),
        ("ah1", Label("ʌ", "ʌ", OK, False)),
        ("ER0", Label("ɝ", "ɝ", OK, False)),
        ("AO1, AA, s", Label("ɔ", "ɑ", S, False)),
        ("AO1,AA1,S", Label("ɔ", "ɑ", S, False)),
        ("ao,aa,s", Label("ɔ", "ɑ", S, False)),
        ("D, sil, d", Label("d", None, D, False)),
        ("D,SIL,D", Label("d", None, D, False)),
        ("AH0,,d", Label("ə", None, D, False)),
        ("AH0, sp ,d", Label("ə", None, D, False)),
        ("sil, AX, a", Label(None, "ə", A, False)),
        (",K,a", Label(None, "k", A, False)),
        ("spn,K,a", Label(None, "k", A, False)),
        ("TH,err,s", Label("θ", "err", S, False)),
        ("TH, ERR, s", Label("θ", "err", S, False)),
        ("sil,err,a", Label(None, "err", A, False)),
        ("R,R*,s", Label("ɹ", "ɹ", S, True)),
        ("T,D* ,s", Label("t", "d", S, True)),
        ("AE1*", Label("æ", "æ", OK, True)),
        ("V,V``,s", Label("v", "v", S, False)),
        ("W,V`,s", Label("w", "v", S, False)),
        ("ER0,AH),s", Label("ɝ", "ʌ", S, False)),
        ("ER0,ER),s", Label("ɝ", "ɝ", S, False)),
        ("T,T_,s", Label("t", "t", S, False)),
        ("IH1,IY8,s", Label("ɪ", "i", S, False)),
        ("Z,S!,s", Label("z", "s", S, False)),
        ("T,D,s)", Label("t", "d", S, False)),
        ("T,D,s`", Label("t", "d", S, False)),
        ("T,D,s8", Label("t", "d", S, False)),
        ("T,D,s*", Label("t", "d", S, True)),
        ("T,sil,d_", Label("t", None, D, False)),
        ("TH,\nT,s", Label("θ", "t", S, False)),
        ("T\nH,T,\n s", Label("θ", "t", S, False)),
        # each side is folded by what is written there
        ("AH0,AH,s", Label("ə", "ʌ", S, False)),
        ("ER0,AH0,s", Label("ɝ", "ə", S, False)),
        ("AH1,AX,s", Label("ʌ", "ə", S, False)),
    ],
)
def test_labels(text, expected):
    assert parse_label(text) == expected


@pytest.mark.parametrize("text", [*SILENCES, "\n", "Sp", "SPN "])
def test_silences_are_no_labels(text):
    assert parse_label(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("T,D", "2 fields"),
        ("T,D,s,s", "4 fields"),
        ("T,D,x", "'x' is none of s, d, a"),
        ("T,D,s9", "'s9' is none of s, d, a"),
        ("T,D,*", "'\\*' is none of s, d, a"),
        ("T,D,", "'' is none of s, d, a"),
        ("T,D,ok", "'ok' is none of s, d, a"),
        ("QQ", "QQ"),
        ("T,QQ,s", "QQ"),
        ("AO1 AA", "AO1AA"),
        ("T,sil,s", "does not fit"),
        ("sil,T,s", "does not fit"),
        ("T,D,d", "does not fit"),
        ("T,err,d", "does not fit"),
        ("T,D,a", "does not fit"),
        ("sil,sil,a", "does not fit"),
        ("sil,sil,d", "does not fit"),
        ("err,T,s", "never a canonical one"),
        ("err", "needs the canonical phone"),
    ],
)
def test_malformed_labels(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_label(text)


def decorated(draw, symbol: str) -> str:
    """The same symbol as some annotator might have typed it."""
    stress = draw(st.sampled_from(["", "0", "1", "2"])) if symbol in VOWELS and symbol not in ("AH", "AX") else ""
    return strewn(draw, draw(st.sampled_from([symbol, symbol.lower(), symbol.title()])) + stress)


def strewn(draw, written: str) -> str:
    """The same with characters that mean nothing."""
    for stray in draw(st.lists(st.sampled_from(list(")`_8! \n\t")), max_size=3)):
        place = draw(st.integers(0, len(written)))
        written = written[:place] + stray + written[place:]
    return written


@given(data=st.data(), canonical=st.sampled_from(SYMBOLS), perceived=st.sampled_from(SYMBOLS))
def test_decoration_never_changes_the_phones(data, canonical, perceived):
    starred = data.draw(st.booleans())
    right = decorated(data.draw, perceived) + ("*" if starred else "")
    blank = data.draw(st.sampled_from(["", " ", "\n"]))
    kind = strewn(data.draw, data.draw(st.sampled_from("sS")))
    text = f"{decorated(data.draw, canonical)},{blank}{right},{blank}{kind}"
    assert parse_label(text) == Label(fold_arpabet(canonical), fold_arpabet(perceived), S, starred)


@given(data=st.data(), symbol=st.sampled_from(SYMBOLS), silence=st.sampled_from(SILENCES))
def test_deletion_and_addition_mirror_each_other(data, symbol, silence):
    written = decorated(data.draw, symbol)
    assert parse_label(f"{written},{silence},d") == Label(fold_arpabet(symbol), None, D, False)
    assert parse_label(f"{silence},{written},a") == Label(None, fold_arpabet(symbol), A, False)


@given(st.text(max_size=20))
def test_any_text_is_a_label_a_silence_or_refused(text):
    try:
        label = parse_label(text)
    except ValueError:
        return
    assert label is None or (label.canonical, label.perceived) != (None, None)
