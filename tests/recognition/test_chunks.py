"""Long recordings in pieces: nothing is cut or doubled where they are joined."""

import resource

import numpy as np
import pytest
import soxr
import torch

from asheard.models import ASHEARD_TINY, load_transcriber
from asheard.phones import BLANK_ID, LABELS
from asheard.phones.alignment import count_edits, unit_align
from asheard.phones.espeak import Voice, render_phonemes
from asheard.recognition.chunking import PIECE, STEP, cut, join
from asheard.recognition.decoding import read_transcript
from asheard.recognition.protocol import hear, joined, pieces

FRAME = 320


@pytest.mark.parametrize("num_samples", [1, STEP, PIECE, PIECE + 1, STEP + PIECE, 2 * STEP + PIECE + 1, 1800 * 16_000])
def test_every_sample_is_in_a_piece_and_pieces_overlap(num_samples):
    waveform = np.arange(num_samples, dtype=np.float32) % 7919
    parts = cut(waveform)
    assert max(map(len, parts)) <= PIECE
    assert all(len(part) > PIECE - STEP for part in parts[1:])
    starts = [number * STEP for number in range(len(parts))]
    for start, part in zip(starts, parts, strict=True):
        np.testing.assert_array_equal(part, waveform[start : start + PIECE])
    assert starts[-1] + len(parts[-1]) == num_samples
    assert (len(parts) == 1) == (num_samples <= PIECE)


def posteriors(num_frames, phones):
    """Sure of the blank but for the phones, frame -> label id."""
    frames = np.full((num_frames, len(LABELS)), -9.0, np.float32)
    frames[:, BLANK_ID] = -0.01
    for frame, label in phones.items():
        frames[frame] = -9.0
        frames[frame, label] = -0.1
    return frames


def test_pieces_that_place_a_phone_differently_neither_lose_nor_double_it():
    """One hears a phone two frames later than the other; what is near an end of a piece is not heeded."""
    whole, step, piece = (STEP + PIECE) // FRAME, STEP // FRAME, PIECE // FRAME
    middle = step + (piece - step) // 2
    left = posteriors(piece, {middle: 5, piece - 1: 7})
    right = posteriors(piece, {0: 8, middle + 2 - step: 5, piece - 3: 6})
    found = join([left, right], BLANK_ID, FRAME)
    assert found.shape == (whole, len(LABELS))
    heard = [label for label in found.argmax(-1) if label != BLANK_ID]
    assert heard.count(5) == 1
    assert (heard.count(6), heard.count(7), heard.count(8)) == (1, 0, 0)


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


def test_in_pieces_is_as_whole(tiny, story):
    """At most one phone in a hundred otherwise, whatever the cuts go through."""
    with torch.inference_mode():
        (whole,) = tiny._hear([story], [0])
    (in_pieces,) = tiny.posteriors([story], [None])
    assert abs(len(in_pieces) - len(whole)) <= 1
    expected, found = (read_transcript(frames, tiny.encoder.frame_s).phones for frames in (whole, in_pieces))
    assert len(expected) > 500
    edits = count_edits(unit_align(expected, found))
    assert edits.substitutions + edits.deletions + edits.insertions <= 0.01 * len(expected)


def test_the_service_hears_pieces_in_turn_as_the_command_line_does(tiny, story):
    (expected,) = hear(tiny, [story], [None])
    parts = [hear(tiny, [piece], [None])[0] for piece in pieces(tiny, story)]
    assert len(parts) == 5
    assert joined(tiny, parts).transcript.phones == expected.transcript.phones


@pytest.mark.slow
def test_half_an_hour_in_bounded_memory(tiny, story):
    hour = np.tile(story, 15)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = tiny.transcribe([hour], [None])
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(found.phones) > 5000
    assert grown_mb < 1000
