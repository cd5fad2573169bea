"""Small gold sets and runs, by hand and by hypothesis."""

from dataclasses import dataclass

from hypothesis import strategies as st

from asheard.corpora.records import ErrorType, Prediction, Token, Utterance
from asheard.evaluation import ChainRun

PHONES = ("t", "d", "s", "z", "ɪ", "i")
L1S = ("Hindi", "Korean")


def token(canonical: str | None, perceived: str | None, position: str | None = None) -> Token:
    """A token whose error type follows from its sides; perceived "err" is a sound without a name."""
    if canonical is None:
        error_type = ErrorType.ADDITION
    elif perceived is None:
        error_type = ErrorType.DELETION
    else:
        error_type = ErrorType.OK if canonical == perceived else ErrorType.SUBSTITUTION
    return Token(canonical, None if perceived == "err" else perceived, error_type, position=position)


def utterance(utt: str, sides: list[tuple[str | None, str | None]], l1: str = "Hindi") -> Utterance:
    """An utterance of the one speaker of its L1 from (canonical, perceived) pairs."""
    return Utterance(utt, f"{l1}-speaker", l1, None, None, tuple(token(*pair) for pair in sides))


def run(gold: list[Utterance], phones: list[str], chain: str = "x", seed: int = 0, **values: object) -> ChainRun:
    """A run that predicts `phones` (blank-separated, one string an utterance)."""
    predictions = [
        Prediction(row.utt, row.speaker, chain, tuple(text.split())) for row, text in zip(gold, phones, strict=True)
    ]
    return ChainRun(chain=chain, seed=seed, predictions=predictions, **values)


@dataclass(frozen=True)
class Case:
    """A gold set and runs that fit it."""

    gold: list[Utterance]
    runs: list[ChainRun]
    typical: frozenset[tuple[str, str, str]]


_PHONE = st.sampled_from(PHONES)
_SIDES = st.one_of(
    st.builds(lambda phone: (phone, phone), _PHONE),
    st.tuples(_PHONE, st.one_of(_PHONE, st.none(), st.just("err"))),
    st.tuples(st.none(), st.one_of(_PHONE, st.just("err"))),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to five utterances of two L1s, predicted by two chains with two seeds each."""
    utterances = draw(st.lists(st.tuples(st.lists(_SIDES, max_size=8), st.sampled_from(L1S)), min_size=1, max_size=5))
    gold = [utterance(f"u{index}", sides, l1) for index, (sides, l1) in enumerate(utterances)]
    written = st.lists(_PHONE, max_size=8).map(" ".join)
    texts = st.lists(written, min_size=len(gold), max_size=len(gold))
    runs = [run(gold, draw(texts), chain, seed) for chain in ("a", "b") for seed in (1, 2)]
    substitution = st.tuples(st.sampled_from(L1S), _PHONE, _PHONE)
    typical = draw(st.frozensets(substitution.filter(lambda sides: sides[1] != sides[2]), max_size=12))
    return Case(gold, runs, typical)


GOLD = [
    utterance("a", [("ð", "d"), ("ə", "ə"), ("k", "k"), ("æ", "ɛ"), ("t", None), (None, "ə")]),
    utterance("b", [("v", "err"), ("i", "i"), (None, "err"), ("z", "s")], l1="Korean"),
]
