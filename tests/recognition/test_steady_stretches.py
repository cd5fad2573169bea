"""Seconds of steady noise or silence are not given to a model."""

import numpy as np
import pytest

from asheard.phones import BLANK_ID, LABELS
from asheard.recognition.chunking import run_in_chunks, speech_spans
from support.spoken import SENTENCES, say

RATE_HZ, FRAME = 16_000, 320
PHONE = BLANK_ID + 1


def noise(kind, seconds):
    """(num_samples,) of RMS 0.1, or digital silence."""
    rng, num = np.random.default_rng(1), int(seconds * RATE_HZ)
    if kind == "silence":
        return np.zeros(num, np.float32)
    if kind == "hum":
        samples = np.sin(2 * np.pi * 50 / RATE_HZ * np.arange(num))
    else:
        slope = {"white": 0, "pink": 0.5, "brown": 1}[kind]
        spectrum = np.fft.rfft(rng.standard_normal(num))
        samples = np.fft.irfft(spectrum / np.arange(1, len(spectrum) + 1) ** slope, num)
    return (0.1 * samples / np.sqrt(np.mean(samples**2))).astype(np.float32)


@pytest.fixture(scope="module")
def speech():
    """Some 6 s of speech."""
    return np.concatenate([say(sentence) for sentence in SENTENCES])


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum", "silence"])
def test_speech_spans_leave_noise_out_before_after_and_between(speech, kind):
    around = noise(kind, 8)
    begin, end = len(around), len(around) + len(speech)
    (before,) = speech_spans(np.concatenate([around, speech]), FRAME)
    (after,) = speech_spans(np.concatenate([speech, around]), FRAME)
    first, second = speech_spans(np.concatenate([speech, around, speech]), FRAME)
    kept = (begin - before[0], after[1] - len(speech), first[1] - len(speech), begin - (second[0] - len(speech)))
    for seconds in np.array(kept) / RATE_HZ:
        assert 0.4 <= seconds <= 1.6, kept
    assert before[1] == end
    assert after[0] == first[0] == 0
    assert second[1] == end + len(speech)
    assert before[0] % FRAME == second[0] % FRAME == 0


@pytest.mark.parametrize("seconds", [0.5, 3, 4.5])
def test_speech_spans_keep_short_pauses(speech, seconds):
    recording = np.concatenate([speech, noise("white", seconds), speech])
    assert speech_spans(recording, FRAME) == [(0, len(recording))]


def test_speech_spans_of_noise_alone_are_its_beginning():
    assert speech_spans(noise("white", 20), FRAME) == [(0, RATE_HZ)]


def run(chunks, sources):
    """A model that writes a phone in each frame, with the source of the chunk as its posterior."""
    outputs = []
    for chunk, source in zip(chunks, sources, strict=True):
        frames = np.full((len(chunk) // FRAME, len(LABELS)), -9.0, np.float32)
        frames[:, PHONE] = -0.001 * source
        outputs.append(frames)
    return outputs


def test_run_in_chunks_puts_blanks_where_the_model_was_not_asked(speech):
    """In a recording of several chunks beside others, each phone keeps its time."""
    around = noise("white", 50)
    long = np.concatenate([around, speech, around])
    short, found = run_in_chunks(run, [speech, long], BLANK_ID, FRAME)
    assert len(short) == len(speech) // FRAME
    assert set(short.argmax(1)) == {PHONE}
    assert abs(len(found) - len(long) // FRAME) <= 1
    spoken = np.flatnonzero(found.argmax(1) == PHONE) * FRAME / RATE_HZ
    spoken = spoken[spoken > 31]  # the first second of a chunk without speech is given to the model
    begin, end = 50, 50 + len(speech) / RATE_HZ
    inside = spoken[(spoken > begin - 2) & (spoken < end + 2)]
    assert begin - 1.6 <= inside.min() <= begin
    assert end - 0.1 <= inside.max() <= end + 1.6
    assert found[found.argmax(1) == PHONE, PHONE].min() == np.float32(-0.001)
    np.testing.assert_allclose(np.exp(found[found[:, PHONE] < -20]).sum(1), 1, rtol=1e-6)
