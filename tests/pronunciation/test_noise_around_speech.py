"""Noise before, after and between the words changes neither scores nor times, and is named."""

import json

import numpy as np
import pytest

from asheard.io.audio import load_recording
from asheard.pronunciation.compare import pause_warnings
from asheard.pronunciation.scorer import load_model
from asheard.recognition.protocol import Transcript
from support.spoken import say

TEXT = "see the cat and the moon"
NOISE_S = 30


@pytest.fixture(scope="module")
def tiny():
    return load_model("asheard-tiny")


@pytest.fixture(scope="module")
def noise():
    """As loud as the speech of `say`."""
    return (0.08 * np.random.default_rng(1).standard_normal(NOISE_S * 16_000)).astype(np.float32)


def starts(scored):
    return np.array([phone.start_s for phone in scored.phones])


def check(scored, clean, shift_s):
    """The same phones at the same times, moved by the noise before them, with nearly the same probabilities."""
    np.testing.assert_allclose(starts(scored), starts(clean) + shift_s, atol=0.1)
    assert abs(scored.score - clean.score) < 0.05


def test_score_of_speech_with_noise_after_before_and_between(tiny, noise):
    first, second = say("s'i: D@ k'at"), say("and D@ m'u:n")
    clean = tiny.score(np.concatenate([first, second]), TEXT)
    assert clean.warnings == ()
    after = tiny.score(np.concatenate([first, second, noise]), TEXT)
    check(after, clean, 0)
    assert after.warnings == ("the recording goes on for 30 s after the reading, without speech",)
    before = tiny.score(np.concatenate([noise, first, second]), TEXT)
    check(before, clean, NOISE_S)
    assert before.warnings == ("the recording holds no speech in the first 30 s",)
    between = tiny.score(np.concatenate([first, noise, second]), TEXT)
    check(between, clean, np.where(starts(clean) > len(first) / 16_000, NOISE_S, 0))
    assert between.warnings == ("the recording holds no speech from 1 s to 31 s",)


def test_pause_warnings_of_a_recogniser_without_times():
    assert pause_warnings((), Transcript(("s",), None, None), 60.0) == ()


def test_pause_warnings_know_speech_that_the_text_does_not_have():
    """A phone of the transcript is speech, even if the text has none there."""
    transcript = Transcript(("s", "i"), None, ((1.0, 1.1), (8.0, 8.1)))
    assert pause_warnings((), transcript, 9.0) == ("the recording holds no speech from 1 s to 8 s",)


@pytest.mark.shared
def test_score_of_learners_with_noise_after(tiny, noise, real_data):
    """Of 13 recordings that the model was trained on, phones keep their places behind a recording as loud."""
    root = real_data / "speechocean762"
    if not root.is_dir():
        pytest.skip(f"no speechocean762 under {real_data}")
    rows = [json.loads(line) for line in (root / "train.jsonl").read_text(encoding="utf-8").splitlines()][::190][:13]
    moved, differences = [], []
    for row in rows:
        (path,) = (root / "train").rglob(f"{row['utt']}.*")
        samples = load_recording(path)
        clean = tiny.score(samples, row["text"])
        level = np.sqrt(np.mean(samples**2)) / 0.08
        scored = tiny.score(np.concatenate([samples, level * noise]).astype(np.float32), row["text"])
        differences.append(abs(scored.score - clean.score))
        if len(scored.phones) == len(clean.phones):  # else another pronunciation was the likeliest
            moved += (np.abs(starts(scored) - starts(clean)) > 0.15).tolist()
    assert np.mean(moved) < 0.01
    assert np.mean(differences) < 0.02
