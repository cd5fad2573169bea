"""Compare a transcript with the canonical phones: classify each of them, and explain it to the learner."""

from collections.abc import Sequence
from typing import Final

from asheard.phones import cos_dist, load_vectors
from asheard.phones.alignment import closest_sequences, wper_align
from asheard.phones.folding import Phones
from asheard.phones.lexicon import syllable_positions
from asheard.prior import Prior, classify_with_prior
from asheard.pronunciation.result import AddedPhone, PhoneClass, Reason, ScoredPhone, ScoredWord
from asheard.pronunciation.target import Target
from asheard.recognition.protocol import Transcript

Span = tuple[float | None, float | None]  # start and end, in seconds
_NO_SPAN: Span = (None, None)
_LONG_PAUSE_S: Final = 5.0  # a reader's pauses are shorter
_COMMON: Final = 0.05  # share of the L1's tokens above which a substitution is called common; equal to P_MIN


def compare(
    words: Sequence[tuple[str, Phones]], transcript: Transcript, l1: str | None = None, prior: Prior | None = None
) -> tuple[tuple[ScoredWord, ...], tuple[AddedPhone, ...]]:
    """Align a transcript with the canonical phones and classify each of these.

    Args:
        words: each word as written, with its canonical IPA phones.
        transcript: the phones that were recognised.
        l1: the speaker's first language; it matters only with a prior.
        prior: what speakers of an L1 are known to say, and the distance below which a phone is near. None takes the
            distance of the bundled vectors.
    Returns:
        The words with their classified phones, without probabilities and with the transcript's times; and the phones of
        the transcript that have no canonical phone.
    """
    places = [
        (word, phone, position)
        for word, phones in words
        for phone, position in zip(phones, syllable_positions(phones), strict=True)
    ]
    lengths = [(word, len(phones)) for word, phones in words]
    spans: Sequence[Span] = transcript.times_s or [_NO_SPAN] * len(transcript.phones)
    scored: list[ScoredPhone] = []
    added: list[AddedPhone] = []
    index = 0
    for canonical, heard in wper_align([phone for _, phone, _ in places], transcript.phones):
        span = _NO_SPAN if heard is None else spans[index]
        if canonical is not None:
            scored.append(_classify(*places[len(scored)], heard, index, span, l1, prior))
        elif heard is not None:
            feedback = added_feedback(heard, len(scored), lengths)
            added.append(AddedPhone(heard, len(scored), index, *span, feedback))
        index += heard is not None
    rest = iter(scored)
    return tuple(ScoredWord(word, tuple(next(rest) for _ in phones)) for word, phones in words), tuple(added)


def closest_pronunciations(target: Target, heard: Sequence[str]) -> list[Phones]:
    """For each word, left to right, choose the pronunciation closest to the transcript.

    For recognisers without posteriors. With them `asheard.pronunciation.ctc_alignment` chooses by likelihood.

    Args:
        target: the words with their pronunciations.
        heard: IPA phones of the transcript.
    Returns:
        One pronunciation a word.
    """
    choices = closest_sequences(target.pronunciations, heard)
    return [variants[choice] for variants, choice in zip(target.pronunciations, choices, strict=True)]


def pause_warnings(words: Sequence[ScoredWord], transcript: Transcript, seconds: float) -> tuple[str, ...]:
    """Say where 5 s or more hold no phone, neither of the text nor of the transcript.

    Args:
        words: the scored words.
        transcript: what was recognised.
        seconds: length of the recording.
    Returns:
        A sentence a pause; none if no times are known.
    """
    spans = list(transcript.times_s or ())
    for phone in (phone for word in words for phone in word.phones):
        if phone.start_s is not None and phone.end_s is not None:
            spans.append((phone.start_s, phone.end_s))
    if not spans:
        return ()
    warnings = []
    until = 0.0
    for start, end in sorted(spans):
        if start - until >= _LONG_PAUSE_S:
            where = f"from {until:.0f} s to {start:.0f} s" if until else f"in the first {start:.0f} s"
            warnings.append(f"the recording holds no speech {where}")
        until = max(until, end)
    if seconds - until >= _LONG_PAUSE_S:
        warnings.append(f"the recording goes on for {seconds - until:.0f} s after the reading, without speech")
    return tuple(warnings)


def phone_feedback(
    word: str,
    canonical: str,
    heard: str | None,
    class_: PhoneClass,
    reason: Reason | None,
    l1: str | None,
    l1_frequency: float,
) -> str | None:
    """Say what was heard in place of one phone; None if it was said correctly. Arguments as in `ScoredPhone`."""
    if class_ == "ok":
        return None
    place = f'the {canonical} of "{word}"'
    if heard is None:
        return f"{place} was not heard"
    sentence = f"{place} was heard as {heard}"
    if class_ == "variant" and reason == "distance":
        sentence += ", which is near enough"
    if l1 is not None and l1_frequency:
        sentence += f", {'common' if l1_frequency >= _COMMON else 'known'} for {l1} speakers"
    return sentence


def added_feedback(phone: str, before: int, words: Sequence[tuple[str, int]]) -> str:
    """Say where a phone was heard that the target does not have.

    Args:
        phone: the added phone.
        before: index, over all words, of the target's phone that follows.
        words: each word of the target and the number of its phones.
    """
    start = 0
    for word, num_phones in words:
        if before == start:
            return f'an extra {phone} was heard before "{word}"'
        if before < start + num_phones:
            return f'an extra {phone} was heard in "{word}"'
        start += num_phones
    return f'an extra {phone} was heard after "{words[-1][0]}"'


def _classify(
    word: str,
    canonical: str,
    position: str | None,
    heard: str | None,
    index: int,
    span: Span,
    l1: str | None,
    prior: Prior | None,
) -> ScoredPhone:
    class_: PhoneClass
    without_prior: PhoneClass
    reason: Reason | None = None
    l1_frequency = 0.0
    distance = None if heard is None else cos_dist(canonical, heard)
    if heard is None or distance is None:
        class_ = without_prior = "error"
    elif heard == canonical:
        class_ = without_prior = "ok"
    else:
        near = distance < (prior.threshold if prior else load_vectors().threshold)
        class_ = without_prior = "variant" if near else "error"
        if prior is not None and l1 is not None:
            class_ = classify_with_prior(canonical, heard, position, l1, distance, prior)
            l1_frequency = prior.known_probability(canonical, heard, position, l1)
        if class_ == "variant":
            reason = "distance" if near else "l1-prior"
    return ScoredPhone(
        canonical=canonical,
        class_=class_,
        reason=reason,
        class_without_prior=without_prior,
        probability=None,
        heard=heard,
        heard_index=None if heard is None else index,
        cos_dist=distance,
        l1_frequency=l1_frequency,
        start_s=span[0],
        end_s=span[1],
        feedback=phone_feedback(word, canonical, heard, class_, reason, l1, l1_frequency),
    )
