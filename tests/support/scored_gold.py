"""Small gold sets of expert scores, by hand and by hypothesis."""

from dataclasses import replace

from hypothesis import strategies as st

from asheard.corpora.phone_scores import scored_token
from asheard.corpora.records import Utterance
from asheard.evaluation import ChainRun
from support.small_gold import PHONES, run


def scored(utt: str, text: str, speaker: str = "A", l1: str = "Mandarin") -> Utterance:
    """An utterance from "phone score phone score ..."."""
    items = text.split()
    tokens = tuple(scored_token(phone, float(score)) for phone, score in zip(items[::2], items[1::2], strict=True))
    return Utterance(utt, speaker, l1, None, None, tokens)


def scoring(one: ChainRun, *position_scores: tuple[float, ...] | None) -> ChainRun:
    """The run with position scores, one tuple an utterance."""
    pairs = zip(one.predictions, position_scores, strict=True)
    return replace(one, predictions=[replace(prediction, position_scores=scores) for prediction, scores in pairs])


# Right: t, s and both i. Wrong: d and z. Between them: ɪ.
SCORED = [scored("a", "t 2 d 0.4 i 1.8"), scored("b", "s 2 z 0 ɪ 1.2 i 2", "B")]

_SCORES = st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0, 1.6, 1.8, 2.0])
_TEXT = st.lists(st.tuples(st.sampled_from(PHONES), _SCORES), min_size=1, max_size=6)


@st.composite
def scored_cases(draw: st.DrawFn) -> tuple[list[Utterance], ChainRun]:
    """Up to six utterances of three speakers, and a chain that may score positions itself."""
    texts = draw(st.lists(_TEXT, min_size=1, max_size=6))
    gold = [
        scored(f"u{index}", " ".join(f"{phone} {score}" for phone, score in text), "ABC"[index % 3])
        for index, text in enumerate(texts)
    ]
    one = run(gold, [" ".join(draw(st.lists(st.sampled_from(PHONES), max_size=6))) for _ in gold])
    if draw(st.booleans()):
        values = st.floats(-9, 9).map(lambda value: round(value, 2))
        one = scoring(one, *(tuple(draw(values) for _ in row.canonical) for row in gold))
    return gold, one
