"""A transcript compared with the canonical phones: classes, reasons, and added phones."""

import pytest

from asheard.phones import cos_dist
from asheard.phones.lexicon import pronunciations
from asheard.prior import build_prior, real_voices_prior
from asheard.pronunciation.compare import closest_pronunciations, compare
from asheard.pronunciation.target import target_of_text
from asheard.recognition.protocol import Transcript


def compared(words, heard, *rest, times_s=None):
    """All scored phones, and (phone, before, heard_index) of those added; `words` are phones between blanks."""
    named = [(f"word{number}", tuple(phones.split())) for number, phones in enumerate(words)]
    scored, added = compare(named, Transcript(tuple(heard.split()), None, times_s), *rest)
    assert [word.word for word in scored] == [word for word, _ in named]
    phones = [phone for word in scored for phone in word.phones]
    return phones, [(one.phone, one.before, one.heard_index) for one in added]


def classes(words, heard, *rest):
    return [one.class_ for one in compared(words, heard, *rest)[0]]


def test_compare_gives_each_phone_a_class():
    phones, added = compared(["s i", "ɪ t"], "s ɪ ɪ k ə")
    assert [one.canonical for one in phones] == ["s", "i", "ɪ", "t"]
    assert [one.heard for one in phones] == ["s", "ɪ", "ɪ", "k"]
    assert [one.class_ for one in phones] == ["ok", "variant", "ok", "error"]
    assert [one.reason for one in phones] == [None, "distance", None, None]
    assert [one.heard_index for one in phones] == [0, 1, 2, 3]
    assert phones[3].cos_dist == cos_dist("t", "k")
    assert added == [("ə", 4, 4)]


def test_compare_deletion_is_an_error_without_a_distance():
    (_, middle, _), _ = compared(["s t i"], "s i")
    assert (middle.heard, middle.heard_index, middle.cos_dist, middle.class_) == (None, None, None, "error")
    assert middle.feedback == 'the t of "word0" was not heard'


def test_compare_added_phone_stands_before_what_follows():
    phones, added = compared(["s t ɹ"], "ə s ʊ t ɹ")
    assert [one.class_ for one in phones] == ["ok"] * 3
    assert added == [("ə", 0, 0), ("ʊ", 1, 2)]


def test_compare_takes_the_times_of_the_transcript():
    times_s = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.4))
    words, (added,) = compare([("see", ("s", "i"))], Transcript(("s", "i", "ə"), None, times_s))
    assert [(phone.start_s, phone.end_s) for phone in words[0].phones] == [(0.0, 0.1), (0.1, 0.2)]
    assert (added.start_s, added.end_s, added.feedback) == (0.2, 0.4, 'an extra ə was heard after "see"')


def test_compare_l1_makes_variants_of_what_its_speakers_say():
    prior = build_prior([("Thai", "θ", "t", "onset")] * 40 + [("Thai", "θ", "θ", "onset")] * 60)
    for l1, class_, reason in (("Thai", "variant", "l1-prior"), (None, "error", None)):
        (theta, _), _ = compared(["θ i"], "t i", l1, prior)
        assert (theta.class_, theta.reason, theta.class_without_prior) == (class_, reason, "error")
    assert theta.l1_frequency == 0.0
    (theta, _), _ = compared(["θ i"], "t i", "Thai", prior)
    assert theta.l1_frequency == pytest.approx(41 / 141)  # Laplace: one more of each, and of 40 others
    assert theta.feedback == 'the θ of "word0" was heard as t, common for Thai speakers'
    assert classes(["θ i"], "k i", "Thai", prior) == ["error", "ok"]


def test_compare_prior_excuses_no_deletion():
    prior = build_prior([("Thai", "t", None, "coda")] * 90 + [("Thai", "t", "t", "coda")] * 10)
    assert classes(["i t"], "i", "Thai", prior) == ["ok", "error"]


def test_compare_empty_transcript():
    phones, added = compared(["s"], "")
    assert ([one.class_ for one in phones], added) == (["error"], [])


@pytest.mark.parametrize(
    ("heard", "the"), [("ð i æ p ə l", ("ð", "i")), ("ð ə æ p ə l", ("ð", "ə")), ("d i æ p ə l", ("ð", "i"))]
)
def test_closest_pronunciations_of_each_word(heard, the):
    target = target_of_text("the apple")
    assert closest_pronunciations(target, heard.split()) == [the, pronunciations("apple")[0]]


def test_compare_with_the_prior_of_real_voices():
    (b, *_), _ = compared(["v ɛ ɹ i"], "b ɛ ɹ i", "Spanish", real_voices_prior())
    assert b.l1_frequency > 0.02
