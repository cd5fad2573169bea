"""Utterances made of (canonical, perceived) pairs, and rows of priors."""

from dataclasses import replace

from hypothesis import strategies as st

from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.prior import PriorRow

POSITIONS = ("onset", "nucleus", "coda", None)

rows = st.builds(
    PriorRow,
    l1=st.sampled_from(["Spanish", "Korean"]),
    canonical=st.sampled_from(["v", "b", "ɪ"]),
    produced=st.sampled_from(["v", "b", "ɪ", "i", None]),
    position=st.sampled_from(POSITIONS),
)
corpora = st.lists(rows, max_size=60)


def utterance(speaker, l1, said, utt="a1"):
    """One utterance from (canonical, perceived) pairs; "-" is a deletion, "err" a sound without a name."""
    tokens = []
    for canonical, perceived in said:
        if perceived == canonical:
            tokens.append(Token(canonical, perceived, ErrorType.OK))
        elif perceived == "-":
            tokens.append(Token(canonical, None, ErrorType.DELETION))
        else:
            heard = None if perceived == "err" else perceived
            kind = ErrorType.ADDITION if canonical is None else ErrorType.SUBSTITUTION
            tokens.append(Token(canonical, heard, kind))
    return Utterance(utt, speaker, l1, None, None, tuple(tokens))


def by_position(speaker, l1, said):
    """An utterance whose phones alternate between onset and coda."""
    whole = utterance(speaker, l1, said)
    tokens = (replace(token, position=("onset", "coda")[i % 2]) for i, token in enumerate(whole.tokens))
    return replace(whole, tokens=tuple(tokens))


def three_speakers():
    """Three speakers of Spanish with the same habits."""
    said = [("v", "b")] * 6 + [("v", "v")] * 9 + [("t", "-"), ("t", "k"), ("t", "t"), ("z", "s")]
    return [by_position(f"S{shift}", "Spanish", said[shift:]) for shift in range(3)]
