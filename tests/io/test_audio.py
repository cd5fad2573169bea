"""Recordings of every sort as 16 kHz mono, once, and recordings that are none."""

import errno
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asheard.errors import CorpusError
from asheard.io.audio import audio_seconds, convert_samples, load_audio, load_recording
from support.tiny_corpus import tone

SECONDS = 0.7


def write(path, samples, rate_hz, **how):
    soundfile.write(path, samples, rate_hz, **how)
    return path.name


def assert_is_the_tone(samples, tolerance=2e-3):
    """The middle of the recording, for a resampler's ends ring."""
    assert samples.dtype == np.float32
    assert samples.shape == (round(SECONDS * 16_000),)
    expected = tone(SECONDS)
    assert np.abs(samples - expected)[800:-800].max() < tolerance


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        ("wav", {"subtype": "PCM_16"}),
        ("wav", {"subtype": "PCM_24"}),
        ("wav", {"subtype": "FLOAT"}),
        ("flac", {}),
    ],
)
def test_load_audio_rates_and_formats(tmp_path, rate_hz, suffix, how):
    name = write(tmp_path / f"a.{suffix}", tone(SECONDS, rate_hz), rate_hz, **how)
    samples = load_audio(tmp_path, name, tmp_path / "cache")
    assert_is_the_tone(samples)
    assert audio_seconds(tmp_path / name) == pytest.approx(SECONDS)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_load_audio_mixes_stereo(tmp_path, rate_hz):
    left = tone(SECONDS, rate_hz)
    stereo = np.stack([1.6 * left, 0.4 * left], axis=1)
    name = write(tmp_path / "a.wav", stereo, rate_hz)
    assert_is_the_tone(load_audio(tmp_path, name, None))


def test_load_audio_cache_is_written_once(tmp_path):
    name = write(tmp_path / "a.wav", tone(SECONDS, 44_100), 44_100)
    cache = tmp_path / "cache"
    without = load_audio(tmp_path, name)
    first = load_audio(tmp_path, name, cache)
    (kept,) = cache.rglob("*.wav")
    written = kept.stat().st_mtime_ns
    again = load_audio(tmp_path, name, cache)
    assert np.array_equal(first, again)
    assert np.array_equal(first, without)
    assert kept.stat().st_mtime_ns == written
    assert list(cache.rglob("*.wav")) == [kept]


def test_load_audio_cache_of_a_changed_recording(tmp_path):
    name = write(tmp_path / "a.wav", tone(SECONDS, 44_100), 44_100)
    load_audio(tmp_path, name, tmp_path / "cache")
    write(tmp_path / "a.wav", tone(2 * SECONDS, 44_100), 44_100)
    assert len(load_audio(tmp_path, name, tmp_path / "cache")) == round(2 * SECONDS * 16_000)


def test_load_audio_reads_16_khz_mono_unchanged(tmp_path):
    name = write(tmp_path / "a.wav", tone(SECONDS), 16_000, subtype="FLOAT")
    assert np.array_equal(load_audio(tmp_path, name, tmp_path / "cache"), tone(SECONDS))
    assert not (tmp_path / "cache").exists()


def test_load_audio_clips_loud_recordings(tmp_path):
    square = np.sign(tone(SECONDS, 44_100)) * 0.9999
    name = write(tmp_path / "a.wav", square, 44_100)
    samples = load_audio(tmp_path, name)
    assert np.abs(samples).max() <= 1.0
    assert np.abs(np.diff(samples)).max() < 2.0


def test_load_audio_cache_of_several_processes(tmp_path):
    name = write(tmp_path / "a.wav", tone(SECONDS, 44_100), 44_100)
    with ProcessPoolExecutor(3) as pool:
        loaded = list(pool.map(partial(load_audio, tmp_path, name), [tmp_path / "cache"] * 12))
    assert all(np.array_equal(samples, loaded[0]) for samples in loaded)
    assert [path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".wav"]


def test_load_recording_that_cannot_be_opened(tmp_path, monkeypatch):
    """The error of the system is one of the recording, so the other recordings of a batch keep their results."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0), 16_000)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    for read in (load_recording, audio_seconds):
        with pytest.raises(CorpusError, match=r"a\.wav: cannot be read \(Permission denied\); change its permissions"):
            read(path)


def test_load_recording_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(CorpusError, match=r"a\.wav is a pipe or device"):
        load_recording(tmp_path / "a.wav")


def test_load_audio_missing(tmp_path):
    with pytest.raises(CorpusError, match=r"a\.wav: no such recording; is --wav-root"):
        load_audio(tmp_path, "a.wav")


@pytest.mark.parametrize(("content", "reason"), [(b"", "an empty file"), (b"RIFFnothing", "not a recording")])
def test_load_audio_of_another_file(tmp_path, content, reason):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(CorpusError, match=rf"a\.wav: {reason}"):
        load_audio(tmp_path, "a.wav")


def test_load_audio_without_samples(tmp_path):
    name = write(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(CorpusError, match="holds no samples"):
        load_audio(tmp_path, name)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_load_audio_cut_short(tmp_path, suffix, rate_hz):
    name = write(tmp_path / f"a.{suffix}", tone(SECONDS, rate_hz), rate_hz)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match=rf"a\.{suffix}: cut short"):
        load_audio(tmp_path, name, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_load_audio_of_a_streamed_wav(tmp_path):
    name = write(tmp_path / "a.wav", tone(SECONDS), 16_000)
    data = bytearray((tmp_path / name).read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / name).write_bytes(data)
    assert_is_the_tone(load_audio(tmp_path, name))


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_load_audio_silent(tmp_path, rate_hz):
    name = write(tmp_path / "a.wav", np.zeros(rate_hz, np.float32), rate_hz)
    with pytest.raises(CorpusError, match="silent from end to end"):
        load_audio(tmp_path, name)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_load_audio_takes_the_loudest_of_channels_that_cancel(tmp_path, rate_hz):
    left = tone(SECONDS, rate_hz)
    name = write(tmp_path / "a.wav", np.stack([-0.97 * left, left], axis=1), rate_hz, subtype="FLOAT")
    assert_is_the_tone(load_audio(tmp_path, name))


def test_load_audio_scales_a_recording_beyond_1(tmp_path):
    wave = tone(SECONDS)
    name = write(tmp_path / "a.wav", 30_000 * wave, 16_000, subtype="FLOAT")
    samples = load_audio(tmp_path, name)
    assert np.allclose(samples, wave / np.abs(wave).max(), atol=1e-6)


def test_load_audio_not_finite(tmp_path):
    samples = tone(SECONDS)
    samples[100] = np.nan
    name = write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(CorpusError, match="not finite"):
        load_audio(tmp_path, name)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float64, np.float32])
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
def test_convert_samples(dtype, shape):
    wave = tone(SECONDS)
    scale = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    samples = convert_samples("x", (wave * scale).astype(dtype).reshape(shape))
    assert samples.dtype == np.float32
    assert np.allclose(samples, wave, atol=1e-4)


def test_convert_samples_beyond_1():
    wave = tone(SECONDS)
    assert np.allclose(convert_samples("x", wave * 20_000), wave / np.abs(wave).max(), atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.ones(16_000, np.int64), "x: samples of type int64; give floats"),
        (np.ones(16_000, np.uint8), "x: samples of type uint8"),
        (np.ones(16_000, np.complex64), "x: samples of type complex64"),
        (np.ones((2, 16_000), np.float32), r"x: samples of shape \(2, 16000\); give one channel"),
        (np.ones(0, np.float32), "x: 0.000 s long"),
    ],
)
def test_convert_samples_refuses(samples, message):
    with pytest.raises(CorpusError, match=message):
        convert_samples("x", samples)
