"""Files and folders of recordings: what they are called, what is refused, what is no speech."""

import numpy as np
import pytest
import soundfile

from asheard.corpora.recordings import SUFFIXES, find_recordings, recordings_digest, refuse_same_names
from asheard.errors import CorpusError
from asheard.io.audio import load_recording
from asheard.io.speech import check_speech, is_steady
from support.tiny_corpus import tone

RATE_HZ = 16_000
ENVELOPE = 0.5 + 0.5 * np.sin(np.linspace(0, 40, 3 * RATE_HZ))  # syllables, two a second


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_find_recordings_of_a_folder_by_path(tmp_path):
    touch(
        tmp_path, "b.wav", "a.FLAC", "S2/wav/x.ogg", "S1/x.mp3", "S1/x.txt", ".hidden.wav", ".git/y.wav", "notes.json"
    )
    rows = find_recordings([tmp_path])
    assert [row.key for row in rows] == [("S1", "x"), ("S2", "x"), ("", "a"), ("", "b")]
    assert [row.wav for row in rows] == [
        str(tmp_path / name) for name in ("S1/x.mp3", "S2/wav/x.ogg", "a.FLAC", "b.wav")
    ]


def test_find_recordings_accepts_files_with_any_name(tmp_path):
    touch(tmp_path, "x.sound", "d/y.wav")
    rows = find_recordings([tmp_path / "x.sound", tmp_path / "d"])
    assert [row.key for row in rows] == [("", "x"), ("", "y")]


def test_find_recordings_lists_unreadable_formats(tmp_path):
    touch(tmp_path, "memo.m4a")
    (row,) = find_recordings([tmp_path])
    assert row.utt == "memo"


def test_find_recordings_knows_the_endings_of_soundfile():
    known = {f".{name.lower()}" for name in ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64")}
    assert known <= SUFFIXES
    assert {suffix[1:].upper() for suffix in known} <= set(soundfile.available_formats())


def test_find_recordings_refuses_missing_and_empty_sources(tmp_path):
    with pytest.raises(CorpusError, match=r"gone\.wav: no such recording or folder"):
        find_recordings([tmp_path / "gone.wav"])
    touch(tmp_path, "text.txt")
    with pytest.raises(CorpusError, match=r"no recording in this folder .*\.wav"):
        find_recordings([tmp_path])


def test_refuse_same_names_names_both_files(tmp_path):
    touch(tmp_path, "S/1/x.wav", "S/2/x.flac", "T/x.wav")
    rows = find_recordings([tmp_path])
    with pytest.raises(CorpusError, match=r"S/1/x\.wav and .*S/2/x\.flac have one name, S/x"):
        refuse_same_names(rows)
    refuse_same_names(rows[1:])


def test_recordings_digest_of_a_changed_recording(tmp_path):
    touch(tmp_path, "x.wav")
    before = recordings_digest(find_recordings([tmp_path]))
    assert recordings_digest(find_recordings([tmp_path])) == before
    (tmp_path / "x.wav").write_bytes(b"longer")
    assert recordings_digest(find_recordings([tmp_path])) != before


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_load_recording_any_format_and_rate(tmp_path, suffix, rate_hz):
    if f"{suffix.upper()}" not in soundfile.available_formats():
        pytest.skip(f"this libsndfile reads no {suffix}")
    mono = tone(0.7, rate_hz)
    soundfile.write(tmp_path / f"a.{suffix}", np.stack([mono, mono], axis=1), rate_hz)
    samples = load_recording(tmp_path / f"a.{suffix}")
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(0.7 * RATE_HZ, abs=0.15 * RATE_HZ)  # MP3 pads
    assert np.abs(samples).max() == pytest.approx(np.abs(mono).max(), rel=0.1)


def test_load_recording_too_short(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.05), RATE_HZ)
    with pytest.raises(CorpusError, match=r"a\.wav: 0\.050 s long; the minimum is 0.1 s"):
        load_recording(tmp_path / "a.wav")


def test_load_recording_too_long(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(181.0, 4_000), 4_000)
    with pytest.raises(CorpusError, match=r"a\.wav: 181 s long; the limit is 180 s"):
        load_recording(tmp_path / "a.wav", 180)
    soundfile.write(tmp_path / "a.wav", tone(180.0, 4_000), 4_000)
    assert len(load_recording(tmp_path / "a.wav", 180)) == 180 * RATE_HZ


def test_load_recording_of_another_file_names_the_remedy(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"%PDF-1.7 and so on")
    with pytest.raises(CorpusError, match=r"a\.wav: not a recording of a format that is read; .*ffmpeg"):
        load_recording(tmp_path / "a.wav")


def noise(exponent):
    """Three seconds of noise whose power falls as frequency to the -exponent."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=3 * RATE_HZ))
    samples = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (exponent / 2))
    return samples / np.abs(samples).max()


STEADY = {
    "white": noise(0),
    "pink": noise(1),
    "brown": noise(2),
    "tone": tone(3.0),
    "hum": sum(np.sin(2 * np.pi * 50 * k * np.arange(3 * RATE_HZ) / RATE_HZ) / k for k in range(1, 8)) / 4,
}


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("gain", [1e-3, 0.3])
def test_is_steady_noise_hum_and_tones(name, gain):
    steady = (gain * STEADY[name]).astype(np.float32)
    assert is_steady(steady)
    with pytest.raises(CorpusError, match="no speech in me: its level never changes"):
        check_speech("me", steady, ("k",))
    assert not is_steady((steady * ENVELOPE).astype(np.float32))


def test_check_speech_without_phones():
    changing = (STEADY["white"] * ENVELOPE).astype(np.float32)
    check_speech("me", changing, ("k",))
    with pytest.raises(CorpusError, match="no speech in me: the model recognised no phone"):
        check_speech("me", changing, ())


def test_is_steady_below_25_ms_is_false():
    assert not is_steady(np.zeros(100, np.float32))
    assert not is_steady(np.zeros(0, np.float32))


@pytest.mark.shared
def test_is_steady_of_real_speech_is_false(real_data):
    files = sorted((real_data / "l2arctic-clips" / "wav").glob("*"))
    if not files:
        pytest.skip(f"no l2arctic-clips under {real_data}")
    assert not any(is_steady(load_recording(file)) for file in files)
