"""What was heard against what was called for: verdicts, reasons, and what lies between."""

import pytest

from asheard.phones import cos_dist
from asheard.phones.lexicon import pronunciations
from asheard.prior import build_prior, real_voices_prior
from asheard.pronunciation.compare import judge, nearest_pronunciations
from asheard.pronunciation.result import AddedPhone
from asheard.pronunciation.target import target_of_text


def verdicts(words, heard, *rest):
    return [one.verdict for one in judge(words, heard, *rest)[0]]


def test_each_phone_has_a_verdict():
    judged, added = judge([("s", "i"), ("ɪ", "t")], ["s", "ɪ", "ɪ", "k", "ə"])
    assert [one.canonical for one in judged] == ["s", "i", "ɪ", "t"]
    assert [one.heard for one in judged] == ["s", "ɪ", "ɪ", "k"]
    assert [one.verdict for one in judged] == ["ok", "variant", "ok", "error"]
    assert [one.reason for one in judged] == [None, "distance", None, None]
    assert [one.heard_index for one in judged] == [0, 1, 2, 3]
    assert judged[3].cos_dist == cos_dist("t", "k")
    assert added == [AddedPhone("ə", before=4, heard_index=4)]


def test_what_was_left_out_is_an_error_without_a_distance():
    (_, middle, _), _ = judge([("s", "t", "i")], ["s", "i"])
    assert (middle.heard, middle.heard_index, middle.cos_dist, middle.verdict) == (None, None, None, "error")


def test_what_was_added_stands_before_what_follows():
    judged, added = judge([("s", "t", "ɹ")], ["ə", "s", "ʊ", "t", "ɹ"])
    assert [one.verdict for one in judged] == ["ok"] * 3
    assert added == [AddedPhone("ə", 0, 0), AddedPhone("ʊ", 1, 2)]


def test_the_l1_makes_variants_of_what_its_speakers_say():
    prior = build_prior([("Thai", "θ", "t", "onset")] * 40 + [("Thai", "θ", "θ", "onset")] * 60)
    for l1, verdict, reason in (("Thai", "variant", "l1-prior"), (None, "error", None)):
        (theta, _), _ = judge([("θ", "i")], ["t", "i"], l1, prior)
        assert (theta.verdict, theta.reason, theta.without_prior) == (verdict, reason, "error")
    assert theta.typical == 0.0
    (theta, _), _ = judge([("θ", "i")], ["t", "i"], "Thai", prior)
    assert theta.typical == pytest.approx(41 / 141)  # Laplace: one more of each, and of 40 others
    assert verdicts([("θ", "i")], ["k", "i"], "Thai", prior) == ["error", "ok"]


def test_the_prior_excuses_nothing_that_was_left_out():
    prior = build_prior([("Thai", "t", None, "coda")] * 90 + [("Thai", "t", "t", "coda")] * 10)
    assert verdicts([("i", "t")], ["i"], "Thai", prior) == ["ok", "error"]


def test_nothing_heard():
    judged, added = judge([("s",)], [])
    assert ([one.verdict for one in judged], added) == (["error"], [])


@pytest.mark.parametrize(
    ("heard", "the"), [("ð i æ p ə l", ("ð", "i")), ("ð ə æ p ə l", ("ð", "ə")), ("d i æ p ə l", ("ð", "i"))]
)
def test_each_word_takes_the_pronunciation_that_lies_nearest(heard, the):
    target = target_of_text("the apple")
    assert nearest_pronunciations(target, heard.split()) == [the, pronunciations("apple")[0]]


def test_the_prior_of_real_voices():
    prior = real_voices_prior()
    assert list(prior.num_rows) == ["Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese"]
    (b, *_), _ = judge([("v", "ɛ", "ɹ", "i")], ["b", "ɛ", "ɹ", "i"], "Spanish", prior)
    assert b.typical > 0.02
