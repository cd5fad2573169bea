"""The label grammar, label by label and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.l2arctic import L2ArcticLabel, parse_label
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
        ("AO1", L2ArcticLabel("ɔ", "ɔ", OK, False)),
        ("AH0", L2ArcticLabel("ə", "ə", OK, False)),
        ("ah1", L2ArcticLabel("ʌ", "ʌ", OK, False)),
        ("ER0", L2ArcticLabel("ɝ", "ɝ", OK, False)),
        ("AO1, AA, s", L2ArcticLabel("ɔ", "ɑ", S, False)),
        ("AO1,AA1,S", L2ArcticLabel("ɔ", "ɑ", S, False)),
        ("ao,aa,s", L2ArcticLabel("ɔ", "ɑ", S, False)),
        ("D, sil, d", L2ArcticLabel("d", None, D, False)),
        ("D,SIL,D", L2ArcticLabel("d", None, D, False)),
        ("AH0,,d", L2ArcticLabel("ə", None, D, False)),
        ("AH0, sp ,d", L2ArcticLabel("ə", None, D, False)),
        ("sil, AX, a", L2ArcticLabel(None, "ə", A, False)),
        (",K,a", L2ArcticLabel(None, "k", A, False)),
        ("spn,K,a", L2ArcticLabel(None, "k", A, False)),
        ("TH,err,s", L2ArcticLabel("θ", "err", S, False)),
        ("TH, ERR, s", L2ArcticLabel("θ", "err", S, False)),
        ("sil,err,a", L2ArcticLabel(None, "err", A, False)),
        ("R,R*,s", L2ArcticLabel("ɹ", "ɹ", S, True)),
        ("T,D* ,s", L2ArcticLabel("t", "d", S, True)),
        ("AE1*", L2ArcticLabel("æ", "æ", OK, True)),
        ("V,V``,s", L2ArcticLabel("v", "v", S, False)),
        ("W,V`,s", L2ArcticLabel("w", "v", S, False)),
        ("ER0,AH),s", L2ArcticLabel("ɝ", "ʌ", S, False)),
        ("ER0,ER),s", L2ArcticLabel("ɝ", "ɝ", S, False)),
        ("T,T_,s", L2ArcticLabel("t", "t", S, False)),
        ("IH1,IY8,s", L2ArcticLabel("ɪ", "i", S, False)),
        ("Z,S!,s", L2ArcticLabel("z", "s", S, False)),
        ("T,D,s)", L2ArcticLabel("t", "d", S, False)),
        ("T,D,s`", L2ArcticLabel("t", "d", S, False)),
        ("T,D,s8", L2ArcticLabel("t", "d", S, False)),
        ("T,D,s*", L2ArcticLabel("t", "d", S, True)),
        ("T,sil,d_", L2ArcticLabel("t", None, D, False)),
        ("TH,\nT,s", L2ArcticLabel("θ", "t", S, False)),
        ("T\nH,T,\n s", L2ArcticLabel("θ", "t", S, False)),
        # each side is folded by what is written there
        ("AH0,AH,s", L2ArcticLabel("ə", "ʌ", S, False)),
        ("ER0,AH0,s", L2ArcticLabel("ɝ", "ə", S, False)),
        ("AH1,AX,s", L2ArcticLabel("ʌ", "ə", S, False)),
    ],
)
def test_parse_label(text, expected):
    assert parse_label(text) == expected


@pytest.mark.parametrize("text", [*SILENCES, "\n", "Sp", "SPN "])
def test_parse_label_silences(text):
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
def test_parse_label_refuses(text, reason):
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
def test_parse_label_ignores_decoration(data, canonical, perceived):
    starred = data.draw(st.booleans())
    right = decorated(data.draw, perceived) + ("*" if starred else "")
    blank = data.draw(st.sampled_from(["", " ", "\n"]))
    kind = strewn(data.draw, data.draw(st.sampled_from("sS")))
    text = f"{decorated(data.draw, canonical)},{blank}{right},{blank}{kind}"
    assert parse_label(text) == L2ArcticLabel(fold_arpabet(canonical), fold_arpabet(perceived), S, starred)


@given(data=st.data(), symbol=st.sampled_from(SYMBOLS), silence=st.sampled_from(SILENCES))
def test_parse_label_deletion_and_addition(data, symbol, silence):
    written = decorated(data.draw, symbol)
    assert parse_label(f"{written},{silence},d") == L2ArcticLabel(fold_arpabet(symbol), None, D, False)
    assert parse_label(f"{silence},{written},a") == L2ArcticLabel(None, fold_arpabet(symbol), A, False)


@given(st.text(max_size=20))
def test_parse_label_any_text(text):
    try:
        label = parse_label(text)
    except ValueError:
        return
    assert label is None or (label.canonical, label.perceived) != (None, None)
