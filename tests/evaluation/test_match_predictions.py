"""Utterances that are scored if chains do not predict all of them."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.records import Prediction
from asheard.errors import CorpusError
from asheard.evaluation import ChainRun
from asheard.evaluation.runs import match_predictions
from support.small_gold import run, utterance

GOLD = [utterance(name, [("t", "t")]) for name in "abcd"]
SPEAKER = "Hindi-speaker"


def a_run(names: str, chain: str = "x", seed: int = 0) -> ChainRun:
    """A run that predicts the utterances called by single letters; each prediction is unlike the others."""
    predictions = [Prediction(name, SPEAKER, chain, (number + 1) * ("t",)) for number, name in enumerate(names)]
    return ChainRun(chain=chain, seed=seed, predictions=predictions)


def names(run: ChainRun) -> str:
    return "".join(prediction.utt for prediction in run.predictions)


def test_match_predictions_in_any_order() -> None:
    gold, (one, two), left_out = match_predictions(GOLD, [a_run("dbca"), a_run("abcd", "y", 3)])
    assert (gold, left_out) == (GOLD, {})
    assert names(one) == names(two) == "abcd"
    assert [len(prediction.phones) for prediction in one.predictions] == [4, 2, 3, 1]
    assert (two.chain, two.seed) == ("y", 3)


def test_match_predictions_names_every_mismatch() -> None:
    runs = [a_run("abdd", "one"), a_run("abcd", "two"), a_run("abczzy", "three", 2)]
    with pytest.raises(CorpusError) as caught:
        match_predictions(GOLD, runs)
    assert str(caught.value) == (
        "utterances do not match, by SPEAKER/UTT: "
        f"chain one, seed 0: 1 ({SPEAKER}/c) of the gold have no prediction; "
        f"chain one, seed 0: 1 ({SPEAKER}/d) are predicted more than once; "
        f"chain three, seed 2: 1 ({SPEAKER}/d) of the gold have no prediction; "
        f"chain three, seed 2: 2 ({SPEAKER}/y, {SPEAKER}/z) are predicted but are not in the gold; "
        "every chain and seed must predict each gold utterance once "
        "(--allow-missing scores those that all of them have)"
    )


def test_match_predictions_lists_ten_and_counts_the_others() -> None:
    gold = [utterance(f"u{number:02}", [("t", "t")]) for number in range(14)]
    with pytest.raises(CorpusError, match=rf"13 \(({SPEAKER}/u\d\d, ){{9}}{SPEAKER}/u10 and 3 more\) of the gold"):
        match_predictions(gold, [run(gold[:1], ["t"])])
    with pytest.raises(CorpusError, match=r"1 \(name\) are predicted but"):  # a name without a speaker
        match_predictions(gold[:1], [ChainRun(chain="x", predictions=[Prediction("name", "", "x", ())])])


def test_match_predictions_allow_missing_scores_common_utterances() -> None:
    runs = [a_run("abdd", "one"), a_run("dcba", "two"), a_run("zabdy", "three")]
    gold, covered, left_out = match_predictions(GOLD, runs, allow_missing=True)
    assert "".join(row.utt for row in gold) == "abd"
    assert [names(run) for run in covered] == 3 * ["abd"]
    assert [prediction.phones for prediction in covered[0].predictions] == [("t",), ("t", "t"), ("t", "t", "t")]
    assert left_out == {
        "missing in chain one, seed 0: left out for every chain": 1,
        "more than once in chain one, seed 0: the first is kept": 1,
        "missing in chain three, seed 0: left out for every chain": 1,
        "in chain three, seed 0 but not in the gold: ignored": 2,
    }


def test_match_predictions_without_common_utterance_is_an_error() -> None:
    for runs in ([a_run("ab", "one"), a_run("cd", "two")], [a_run("xyz")], [a_run("")]):
        with pytest.raises(
            CorpusError, match=rf"no utterance of the gold \({SPEAKER}/a, .*is predicted by every chain"
        ):
            match_predictions(GOLD, runs, allow_missing=True)


@pytest.mark.parametrize("allow_missing", [False, True])
def test_match_predictions_refuses_broken_gold_and_names(allow_missing: bool) -> None:
    good = a_run("abcd")
    with pytest.raises(CorpusError, match=rf"the gold: 1 \({SPEAKER}/b\) come more than once"):
        match_predictions([*GOLD, GOLD[1]], [good], allow_missing=allow_missing)
    with pytest.raises(CorpusError, match="chain x, seed 0 is given twice"):
        match_predictions(GOLD, [good, good], allow_missing=allow_missing)
    with pytest.raises(CorpusError, match="called 'copy the canonical' like the baseline"):
        match_predictions(GOLD, [good, a_run("abcd", "copy the canonical")], allow_missing=allow_missing)
    with pytest.raises(CorpusError, match="nothing to evaluate: 4 gold utterances and 0 chains"):
        match_predictions(GOLD, [], allow_missing=allow_missing)
    with pytest.raises(CorpusError, match="nothing to evaluate: 0 gold utterances and 1 chains"):
        match_predictions([], [good], allow_missing=allow_missing)


def test_match_predictions_key_is_speaker_and_utt() -> None:
    gold = [utterance("a", [("t", "t")]), utterance("a", [("t", "d")], "Korean")]
    both = run(gold, ["t", "d"])
    assert match_predictions(gold, [both])[0] == gold
    one = replace(both, predictions=both.predictions[1:])
    with pytest.raises(CorpusError, match=f"1 \\({SPEAKER}/a\\) of the gold"):
        match_predictions(gold, [one])


@given(st.lists(st.text("abcdyz", max_size=8), min_size=1, max_size=3), st.permutations(GOLD))
def test_match_predictions_gives_all_runs_the_same_utterances(texts: list[str], gold: list) -> None:
    runs = [a_run(text, f"chain{number}") for number, text in enumerate(texts)]
    common = [row for row in gold if all(row.utt in text for text in texts)]
    if not common:
        with pytest.raises(CorpusError):
            match_predictions(gold, runs, allow_missing=True)
        return
    scored, covered, left_out = match_predictions(gold, runs, allow_missing=True)
    assert scored == common
    for run_, text in zip(covered, texts, strict=True):
        assert names(run_) == "".join(row.utt for row in common)
        assert [len(row.phones) for row in run_.predictions] == [text.index(row.utt) + 1 for row in common]
        counts = Counter(text)
        expected = (
            sum(counts[name] == 0 for name in "abcd"),
            sum(counts[name] > 0 for name in "yz"),
            sum(counts[name] > 1 for name in "abcd"),
        )
        found = {reason.partition(run_.name)[0]: number for reason, number in left_out.items() if run_.name in reason}
        assert tuple(found.get(start, 0) for start in ("missing in ", "in ", "more than once in ")) == expected
