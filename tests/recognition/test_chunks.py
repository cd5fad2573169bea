"""Long recordings in chunks: merging loses and doubles nothing."""

import resource

import numpy as np
import pytest
import soxr
import torch

from asheard.models import load_transcriber
from asheard.phones import BLANK_ID, LABELS
from asheard.phones.alignment import count_edits, unit_align
from asheard.phones.espeak import Voice, render_phonemes
from asheard.recognition.chunking import CHUNK_SAMPLES, STEP_SAMPLES, merge_chunks, split_chunks
from asheard.recognition.decoding import decode_recognition, merge_recognitions, split_for
from asheard.recognition.registry import ASHEARD_TINY
from asheard.recognition.runtime import UNKNOWN_L1

FRAME = 320


@pytest.mark.parametrize(
    "num_samples",
    [
        1,
        STEP_SAMPLES,
        CHUNK_SAMPLES,
        CHUNK_SAMPLES + 1,
        STEP_SAMPLES + CHUNK_SAMPLES,
        2 * STEP_SAMPLES + CHUNK_SAMPLES + 1,
        1800 * 16_000,
    ],
)
def test_split_chunks_overlap_and_cover_every_sample(num_samples):
    waveform = np.arange(num_samples, dtype=np.float32) % 7919
    parts = split_chunks(waveform)
    assert max(map(len, parts)) <= CHUNK_SAMPLES
    assert all(len(part) > CHUNK_SAMPLES - STEP_SAMPLES for part in parts[1:])
    starts = [number * STEP_SAMPLES for number in range(len(parts))]
    for start, part in zip(starts, parts, strict=True):
        np.testing.assert_array_equal(part, waveform[start : start + CHUNK_SAMPLES])
    assert starts[-1] + len(parts[-1]) == num_samples
    assert (len(parts) == 1) == (num_samples <= CHUNK_SAMPLES)


def posteriors(num_frames, phones):
    """Sure of the blank but for the phones, frame -> label id."""
    frames = np.full((num_frames, len(LABELS)), -9.0, np.float32)
    frames[:, BLANK_ID] = -0.01
    for frame, label in phones.items():
        frames[frame] = -9.0
        frames[frame, label] = -0.1
    return frames


def test_merge_chunks_neither_loses_nor_doubles_a_phone():
    """One chunk has a phone two frames later than the other; phones near the end of a chunk are ignored."""
    whole, step, chunk = (STEP_SAMPLES + CHUNK_SAMPLES) // FRAME, STEP_SAMPLES // FRAME, CHUNK_SAMPLES // FRAME
    middle = step + (chunk - step) // 2
    left = posteriors(chunk, {middle: 5, chunk - 1: 7})
    right = posteriors(chunk, {0: 8, middle + 2 - step: 5, chunk - 3: 6})
    found = merge_chunks([left, right], BLANK_ID, FRAME)
    assert found.shape == (whole, len(LABELS))
    labels = [label for label in found.argmax(-1) if label != BLANK_ID]
    assert labels.count(5) == 1
    assert (labels.count(6), labels.count(7), labels.count(8)) == (1, 0, 0)


@pytest.fixture(scope="module")
def tiny():
    return load_transcriber(ASHEARD_TINY, "cpu")


@pytest.fixture(scope="module")
def story():
    """Two minutes of one voice, without a pause at the cuts."""
    parts = []
    for number in range(60):
        speech = render_phonemes("D@ m'u:n Iz b'Ig and wi: s'i: It 'OlweIz", Voice("en-us"), seed=number)
        parts.append(speech.samples[: int(2.3 * speech.sample_rate_hz)].astype(np.float32) / 2**15)
    return soxr.resample(np.concatenate(parts), 22_050, 16_000)[: 120 * 16_000].astype(np.float32)


def test_recognise_in_chunks_equals_the_whole(tiny, story):
    """At most one phone in a hundred differs."""
    with torch.inference_mode():
        (whole,) = tiny.chunk_log_probs([story], [0], [UNKNOWN_L1])
    (in_chunks,) = tiny.recognise([story], [None])
    assert abs(len(in_chunks.posteriors.log_probs) - len(whole)) <= 1
    expected, found = decode_recognition(whole, tiny.frame_s).transcript.phones, in_chunks.transcript.phones
    assert len(expected) > 500
    edits = count_edits(unit_align(expected, found))
    assert edits.substitutions + edits.deletions + edits.insertions <= 0.01 * len(expected)


def test_merge_recognitions_equals_recognise(tiny, story):
    (expected,) = tiny.recognise([story], [None])
    parts = [tiny.recognise([chunk], [None])[0] for chunk in split_for(tiny, story)]
    assert len(parts) == 5
    assert merge_recognitions(parts).transcript.phones == expected.transcript.phones


@pytest.mark.slow
def test_recognise_half_an_hour_in_bounded_memory(tiny, story):
    hour = np.tile(story, 15)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = tiny.recognise([hour], [None])
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(found.transcript.phones) > 5000
    assert grown_mb < 1000
