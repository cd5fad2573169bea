"""Uploads: recordings of every format are read; anything else is refused with a sentence, never with status 500."""

import gzip
import io
import re
import tempfile
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import soundfile

from asheard.errors import CorpusError, LongRecordingError
from asheard.io.audio import decode_recording
from asheard.server.middleware import RequestLimits
from support.recordings import av_bytes, wav_bytes

LONGEST_S = RequestLimits().seconds


@pytest.fixture(scope="module")
def formats(moon):
    """name -> the same speech."""
    at_48_khz = np.repeat(moon, 2)  # its pitch is wrong, which does not matter here
    return {
        "8 kHz": wav_bytes(moon[::3], 8_000),
        "stereo 96 kHz, 24 bits": wav_bytes(np.stack([moon] * 2, 1), 96_000, "PCM_24"),
        "float": wav_bytes(moon, 22_050, "FLOAT"),
        "flac": wav_bytes(moon, 22_050, format="FLAC"),
        "ogg": wav_bytes(moon, 22_050, "VORBIS", "OGG"),
        "opus": wav_bytes(at_48_khz, 48_000, "OPUS", "OGG"),
        "mp3": wav_bytes(moon, 22_050, "MPEG_LAYER_III", "MP3"),
        "aiff": wav_bytes(moon, 22_050, format="AIFF"),
        "m4a": av_bytes(moon, 22_050, "ipod", "aac"),
        "webm": av_bytes(moon, 22_050, "webm", "libopus"),
    }


@pytest.mark.parametrize(
    "name", ["8 kHz", "stereo 96 kHz, 24 bits", "float", "flac", "ogg", "opus", "mp3", "aiff", "m4a", "webm"]
)
def test_decode_recording_formats(formats, moon, name):
    samples = decode_recording("x", formats[name], LONGEST_S)
    assert (samples.ndim, samples.dtype) == (1, np.float32)
    rate_hz = {"8 kHz": 24_000, "stereo 96 kHz, 24 bits": 96_000, "opus": 24_000}.get(name, 22_050)
    assert len(samples) / 16_000 == pytest.approx(len(moon) / rate_hz, abs=0.06)
    assert np.abs(samples).max() == pytest.approx(np.abs(moon).max(), rel=0.25)


@pytest.mark.parametrize(("format", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("WAV", "PCM_16")])
def test_decode_recording_refuses_small_files_of_long_recordings(format, subtype):
    with pytest.raises(LongRecordingError, match=r"(40|21) s long; the limit is 20 s\. Split it at pauses"):
        decode_recording("x", too_long(format, subtype), 20)


def test_transcribe_ignores_the_declared_file_type(client, formats):
    sent = {"audio": ("evil.exe", formats["webm"], "text/html")}
    assert client.post("/transcribe", files=sent, data={"model": "echo"}).status_code == 200
    sent = {"audio": ("x.wav", b"<html>", "audio/wav")}
    assert client.post("/transcribe", files=sent, data={"model": "echo"}).status_code == 415


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.wav", bytes(10_000_000))
    return file.getvalue()


def too_long(format: str, subtype: str) -> bytes:
    """40 s in few bytes."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, subtype, format=format) as sound:
        for _ in range(40):  # libsndfile crashes where Vorbis is written all at once
            sound.write(np.zeros(8_000))
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "status", "sentence"),
    [
        (lambda wav: b"", 400, "an empty file"),
        (lambda wav: b"R", 415, "not a recording"),
        (lambda wav: b"RIFF", 400, "cut short, it ends before its sound"),
        (lambda wav: wav[:44], 400, r"cut short, 0 of [\d,]+ bytes of sound are there"),
        (lambda wav: wav[: len(wav) // 2], 400, r"cut short, [\d,]+ of [\d,]+ bytes of sound"),
        (lambda wav: wav_bytes(np.ones(1)), 422, "the minimum is 0.1 s"),
        (lambda wav: wav_bytes(np.ones(0)), 400, "holds no samples"),
        (lambda wav: wav_bytes(np.zeros(16_000)), 422, "silent from end to end"),
        (lambda wav: wav_bytes(np.full(16_000, np.nan), subtype="FLOAT"), 422, "finite"),
        (lambda wav: wav_bytes(np.ones(16_000), 1_000), 400, "1,000 Hz; the limits are 4,000 and 384,000 Hz"),
        (lambda wav: bomb(), 415, "not a recording"),
        (lambda wav: gzip.compress(bytes(10_000_000)), 415, "not a recording"),
        (lambda wav: b"\x1a\x45\xdf\xa3" + bytes(100), 400, "cut short"),
        (lambda wav: b"\x00\x00\x00\x18ftypM4A " + bytes(100), 400, "cut short"),
        (lambda wav: b"fLaC" + bytes(100), 400, "cut short"),
        (lambda wav: b"OggS" + bytes(100), 400, "cut short"),
        (lambda wav: b"\xff\xfb" + bytes(100), 400, "damaged or cut short|holds no samples"),
        (lambda wav: b"\xff", 415, "not a recording"),
        (lambda wav: b"see the moon" * 1000, 415, "not a recording"),
    ],
)
def test_transcribe_refuses_uploads_it_cannot_use(send, wav, make, status, sentence):
    answer = send("/transcribe", audio=make(wav), model="echo")
    assert answer.status_code == status, answer.text
    assert re.search(sentence, answer.json()["detail"])
    assert "x.wav" not in answer.text


@pytest.mark.parametrize("name", ["m4a", "webm", "mp3", "flac", "ogg", "aiff"])
def test_decode_recording_damaged_files(formats, name):
    """A file that is cut off or has a wrong byte gives samples or an error of ours, nothing else."""
    whole, rng = formats[name], np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole[: rng.integers(1, len(whole))])
        damaged[rng.integers(0, len(damaged))] = rng.integers(0, 256)
        with suppress(CorpusError):
            assert len(decode_recording("x", bytes(damaged), LONGEST_S)) > 0


def test_transcribe_keeps_nothing_on_disk(client, wav, tmp_path, monkeypatch):
    """Even a large upload uses no temporary file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    large = wav_bytes(np.random.default_rng(0).normal(0, 0.1, (8_000_000, 1)))
    answer = client.post("/transcribe", files={"audio": ("x.wav", large)}, data={"model": "echo"})
    assert answer.status_code in (200, 413), answer.text
