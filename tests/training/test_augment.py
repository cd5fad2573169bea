"""Variants of recordings depend on the generator alone, each change does what it says, and no batch breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.training import augmentation as module
from asheard.training.augmentation import add_reverberation

augment = module.augment
RATE = 16_000
SHARES = ("SPEED_SHARE", "ROOM_SHARE", "NOISE_SHARE", "LEVEL_SHARE")
TONE = (0.1 * np.sin(2 * np.pi * 400 * np.arange(2 * RATE) / RATE)).astype(np.float32)


@pytest.fixture
def only(monkeypatch):
    """Apply one change always, within the given bounds, and no other."""

    def leave(share, name, bounds):
        for other in SHARES:
            monkeypatch.setattr(module, other, float(other == share))
        monkeypatch.setattr(module, name, bounds)

    return leave


def test_augment_depends_on_the_generator_alone():
    one, again = ([augment(TONE, np.random.default_rng([7, i])) for i in range(30)] for _ in range(2))
    for first, second in zip(one, again, strict=True):
        assert np.array_equal(first, second)
    assert len({first.tobytes() for first in one}) > 25
    assert any(np.array_equal(first, TONE) for first in (augment(TONE, np.random.default_rng(i)) for i in range(60)))


@given(st.integers(400, 40_000), st.integers(0, 2**32), st.sampled_from([0.0, 1e-4, 0.3]))
def test_augment_keeps_values_finite_and_lengths_within_bounds(length, seed, level):
    samples = np.random.default_rng(seed).normal(0, 1, length).astype(np.float32) * np.float32(level)
    before = samples.copy()
    variant = augment(samples, np.random.default_rng(seed))
    assert variant.dtype == np.float32
    assert variant.ndim == 1
    assert np.isfinite(variant).all()
    assert np.array_equal(samples, before)
    slowest, fastest = module.SPEED
    assert int(length / fastest) <= len(variant) <= length / slowest + 1


@pytest.mark.parametrize("speed", [0.85, 1.0, 1.1, 1.18])
def test_augment_speed_changes_length_and_pitch_together(only, speed):
    only("SPEED_SHARE", "SPEED", (speed, speed))
    variant = augment(TONE, np.random.default_rng(0))
    assert len(variant) == pytest.approx(len(TONE) / speed, abs=1)
    loudest = np.abs(np.fft.rfft(variant * np.hanning(len(variant)))).argmax() * RATE / len(variant)
    assert loudest == pytest.approx(400 * speed, abs=1)


@pytest.mark.parametrize("snr_db", [5.0, 17.0, 30.0])
def test_augment_noise_has_the_given_level(only, snr_db):
    only("NOISE_SHARE", "SNR_DB", (snr_db, snr_db))
    noise = augment(TONE, np.random.default_rng(0)) - TONE
    assert 10 * np.log10(np.mean(TONE**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("level_db", [-40.0, -14.0])
def test_augment_level_is_a_root_mean_square(only, level_db):
    only("LEVEL_SHARE", "LEVEL_DB", (level_db, level_db))
    variant = augment(TONE, np.random.default_rng(0))
    assert 10 * np.log10(np.mean(variant.astype(float) ** 2)) == pytest.approx(level_db, abs=0.01)
    np.testing.assert_allclose(variant / variant[10], TONE / TONE[10], rtol=1e-4, atol=1e-6)


def test_augment_draws_levels_within_bounds(only):
    only("LEVEL_SHARE", "LEVEL_DB", module.LEVEL_DB)
    levels = [20 * np.log10(np.std(augment(TONE, np.random.default_rng(i)))) for i in range(200)]
    low, high = module.LEVEL_DB
    assert low - 0.01 <= min(levels) < low + 3
    assert high - 3 < max(levels) <= high + 0.01


@pytest.mark.parametrize(("reverberation_s", "direct_to_room"), [(0.1, 3.0), (0.5, 0.8)])
def test_add_reverberation_is_direct_sound_and_decay(reverberation_s, direct_to_room):
    clap = np.zeros(RATE, np.float32)
    clap[100] = 1.0
    response = add_reverberation(clap, reverberation_s, direct_to_room, np.random.default_rng(0))
    assert (len(response), response.dtype) == (RATE, np.float32)
    np.testing.assert_allclose(response[:101], clap[:101], atol=1e-6)
    tail, length = response[101:].astype(float), round(reverberation_s * RATE)
    np.testing.assert_allclose(tail[length:], 0, atol=1e-6)
    assert np.linalg.norm(tail) == pytest.approx(1 / direct_to_room, rel=0.01)
    tenth = length // 10
    fall_db = 20 * np.log10(np.std(tail[:tenth]) / np.std(tail[length // 2 : length // 2 + tenth]))
    assert fall_db == pytest.approx(30, abs=3)  # half of 60 dB in half of the time


def test_add_reverberation_is_a_convolution():
    speech = np.random.default_rng(1).normal(0, 0.1, 5_000).astype(np.float32)
    clap = np.eye(1, 5_000, dtype=np.float32)[0]
    wet, response = (add_reverberation(samples, 0.2, 1.0, np.random.default_rng(2)) for samples in (speech, clap))
    np.testing.assert_allclose(wet, np.convolve(speech, response)[:5_000], atol=1e-4)
