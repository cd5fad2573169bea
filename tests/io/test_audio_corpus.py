"""A corpus of generated recordings, formats x rates x channels x damage, with FFmpeg's own decoding as the oracle."""

import io
import struct
import sys
from functools import cache
from itertools import chain, product

import av
import numpy as np
import pytest
import soundfile
import soxr

from asheard.errors import CorpusError, DamagedRecordingError
from asheard.io.audio import audio_seconds, decode_recording, load_audio, load_recording
from asheard.io.containers import find_container

SECONDS = 0.4
LONGEST_S = 10.0


def wave(rate_hz: int, channels: int) -> np.ndarray:
    """(num_samples, channels): two tones that rise and fall, another level in each channel."""
    time = np.arange(round(SECONDS * rate_hz)) / rate_hz
    tones = 0.2 * np.sin(2 * np.pi * 300 * time) + 0.1 * np.sin(2 * np.pi * 1100 * time)
    return np.outer(tones * np.sin(np.pi * time / SECONDS), 1 - 0.3 * np.arange(channels)).astype(np.float32)


def by_soundfile(format: str, subtype: str, rate_hz: int, channels: int, endian: str = "FILE") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave(rate_hz, channels), rate_hz, subtype, endian, format)
    return file.getvalue()


class Pipe:
    """A file that can only be appended to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def by_ffmpeg(format: str, codec: str, rate_hz: int, channels: int, *, pipe: bool = False, **options: str) -> bytes:
    file = Pipe() if pipe else io.BytesIO()
    layout = "stereo" if channels == 2 else "mono"
    with av.open(file, "w", format=format, options=options) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave(rate_hz, channels).T), "fltp", layout)
        frame.sample_rate = rate_hz
        frame_size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz, frame_size=frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return bytes(file.data) if isinstance(file, Pipe) else file.getvalue()


# name -> (format, subtype, rates); FLAC, WAV and their like are exact.
BY_SOUNDFILE = {
    "wav": ("WAV", "PCM_16", (8_000, 16_000, 44_100, 48_000)),
    "wav24": ("WAV", "PCM_24", (8_000, 16_000, 44_100, 48_000)),
    "wav-float": ("WAV", "FLOAT", (16_000, 44_100)),
    "wav8": ("WAV", "PCM_U8", (8_000, 22_050)),
    "wav-ulaw": ("WAV", "ULAW", (8_000, 16_000)),
    "wav-extensible": ("WAVEX", "PCM_16", (16_000, 44_100)),
    "rf64": ("RF64", "PCM_16", (16_000, 48_000)),
    "w64": ("W64", "PCM_16", (16_000, 48_000)),
    "caf": ("CAF", "PCM_16", (16_000, 44_100)),
    "aiff": ("AIFF", "PCM_16", (16_000, 44_100)),
    "au": ("AU", "PCM_16", (8_000, 16_000)),
    "flac": ("FLAC", "PCM_16", (8_000, 16_000, 44_100, 48_000)),
    "flac24": ("FLAC", "PCM_24", (16_000, 96_000)),
    "mp3": ("MP3", "MPEG_LAYER_III", (16_000, 22_050, 44_100, 48_000)),
    "vorbis": ("OGG", "VORBIS", (16_000, 44_100)),
    "opus": ("OGG", "OPUS", (16_000, 48_000)),
}
# name -> (format, codec, rates, channels, options)
BY_FFMPEG = {
    "mp3-without-xing": ("mp3", "libmp3lame", (16_000, 22_050, 44_100, 48_000), (1, 2), {"write_xing": "0"}),
    "mp3-id3v1": ("mp3", "libmp3lame", (16_000, 44_100), (1, 2), {"write_id3v1": "1"}),
    "mp3-pipe": ("mp3", "libmp3lame", (16_000, 44_100), (1, 2), {"pipe": True}),
    "aac": ("adts", "aac", (16_000, 22_050, 44_100, 48_000), (1, 2), {}),
    "m4a": ("ipod", "aac", (16_000, 44_100, 48_000), (1, 2), {}),
    "alac": ("ipod", "alac", (16_000, 44_100), (1, 2), {}),
    "mp4-fragments": ("mp4", "aac", (16_000, 48_000), (1, 2), {"movflags": "frag_keyframe+empty_moov"}),
    "mp4-opus": ("mp4", "libopus", (48_000,), (1, 2), {}),
    "mov": ("mov", "pcm_s16le", (16_000, 48_000), (1, 2), {}),
    "3gp": ("3gp", "libopencore_amrnb", (8_000,), (1,), {}),
    "amr": ("amr", "libopencore_amrnb", (8_000,), (1,), {}),
    "webm": ("webm", "libopus", (16_000, 48_000), (1, 2), {}),
    "webm-live": ("webm", "libopus", (16_000, 48_000), (1, 2), {"pipe": True, "live": "1"}),
    "matroska": ("matroska", "pcm_s16le", (16_000, 48_000), (1, 2), {}),
    "flac-pipe": ("flac", "flac", (16_000, 44_100), (1, 2), {"pipe": True}),
    "ogg-opus": ("ogg", "libopus", (16_000, 48_000), (1, 2), {}),
    "wav-pipe": ("wav", "pcm_s16le", (16_000, 44_100), (1, 2), {"pipe": True}),
    "wav-adpcm": ("wav", "adpcm_ms", (16_000, 44_100), (1, 2), {}),
    "au-pipe": ("au", "pcm_s16be", (16_000, 44_100), (1, 2), {"pipe": True}),
    "caf-pipe": ("caf", "pcm_s16be", (16_000, 44_100), (1, 2), {"pipe": True}),
}
CASES = [
    *((name, rate, c) for name, (_, _, rates) in BY_SOUNDFILE.items() for rate, c in product(rates, (1, 2))),
    *((name, rate, c) for name, (_, _, rates, cs, _) in BY_FFMPEG.items() for rate, c in product(rates, cs)),
]
# Nothing tells that these are cut: their writer did not know their size.
ENDLESS = {"wav-pipe", "au-pipe", "caf-pipe"}
# Samples at 16 kHz by which decoders may differ at the end: a long block of Vorbis; FFmpeg decodes Opus at 48 kHz only.
PADDING = {"vorbis": 2048, "opus": 2048}


@cache
def made(name: str, rate_hz: int, channels: int) -> bytes:
    if name in BY_SOUNDFILE:
        format, subtype, _ = BY_SOUNDFILE[name]
        return by_soundfile(format, subtype, rate_hz, channels)
    format, codec, _, _, options = BY_FFMPEG[name]
    return by_ffmpeg(format, codec, rate_hz, channels, **options)


def decoded_by_ffmpeg(data: bytes) -> np.ndarray:
    """(num_samples,) at 16 kHz: FFmpeg's samples, mixed and resampled with soxr."""
    with av.open(io.BytesIO(data)) as container:
        to_float = av.AudioResampler(format="fltp")
        frames = chain.from_iterable(to_float.resample(frame) for frame in container.decode(audio=0))
        parts = [(frame.sample_rate, frame.to_ndarray()) for frame in frames]
    mono = np.concatenate([samples for _, samples in parts], axis=1).mean(axis=0)
    return soxr.resample(mono, parts[0][0], 16_000, quality="HQ")


@pytest.mark.parametrize(("name", "rate_hz", "channels"), CASES)
def test_recording_has_the_samples_of_ffmpeg(name, rate_hz, channels):
    data = made(name, rate_hz, channels)
    samples, expected = decode_recording("x", data, LONGEST_S), decoded_by_ffmpeg(data)
    assert samples.dtype == np.float32
    end = min(len(samples), len(expected)) - PADDING.get(name, 0)
    assert abs(len(samples) - len(expected)) <= PADDING.get(name, 0)
    assert np.abs(samples[:end] - expected[:end]).max() < 2e-3


@pytest.mark.parametrize(("name", "rate_hz", "channels"), CASES)
def test_recording_cut_short_is_refused(name, rate_hz, channels):
    data = made(name, rate_hz, channels)
    for cut in (data[: len(data) * 3 // 5 | 1], data[: len(data) * 9 // 10 | 1]):
        if name in ENDLESS:
            assert len(decode_recording("x", cut, LONGEST_S)) < len(decode_recording("x", data, LONGEST_S))
        else:
            with pytest.raises(DamagedRecordingError, match=r"^x: (cut short|damaged or cut short)"):
                decode_recording("x", cut, LONGEST_S)


@pytest.mark.parametrize("name", [*BY_SOUNDFILE, *BY_FFMPEG])
def test_recording_is_the_same_by_every_route(tmp_path, name):
    rate_hz, channels = next((rate, c) for known, rate, c in reversed(CASES) if known == name)
    data = made(name, rate_hz, channels)
    (tmp_path / "a.bin").write_bytes(data)
    upload = decode_recording("x", data, LONGEST_S)
    routes = [
        load_recording(tmp_path / "a.bin"),
        load_audio(tmp_path, "a.bin"),
        load_audio(tmp_path, "a.bin", tmp_path / "cache"),
        load_audio(tmp_path, "a.bin", tmp_path / "cache"),
    ]
    assert all(np.array_equal(samples, upload) for samples in routes)
    assert audio_seconds(tmp_path / "a.bin") == pytest.approx(len(upload) / 16_000, abs=2e-4)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def wav(riff: int | None = None, data: int | None = None, before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV file with these sizes in its header; None for the true ones."""
    pcm = (wave(16_000, 1) * 2**15).astype("<i2").tobytes()
    format = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16))
    body = b"WAVE" + format + before + chunk(b"data", pcm, data) + after
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


LIST = chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0\0")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wav(0x7FFFF024, 0x7FFFF000), id="sox"),
        pytest.param(wav(0xFFFFFFFF, 0xFFFFFFFF, before=LIST), id="ffmpeg"),
        pytest.param(wav(0x7FFFFFFF, 0x7FFFFFDB), id="31 bits"),
        pytest.param(wav(0xFFFFFFFF, 0xFFFFFFDB), id="header subtracted"),
        pytest.param(wav(0, 0), id="zeros"),
        pytest.param(wav(None, 0), id="data zero"),
        pytest.param(wav(0), id="RIFF zero"),
        pytest.param(wav(len(wav())), id="RIFF has the size of the file"),
        pytest.param(wav(100), id="RIFF too small"),
        pytest.param(wav(before=LIST), id="LIST before"),
        pytest.param(wav(after=LIST), id="LIST after"),
        pytest.param(wav(before=chunk(b"junk", b"odd")), id="odd chunk"),
        pytest.param(wav(after=b"\0" * 7), id="garbage after"),
    ],
)
def test_wav_with_the_sizes_of_a_pipe_is_read(data):
    assert np.array_equal(decode_recording("x", data, LONGEST_S), decode_recording("x", wav(), LONGEST_S))


@pytest.mark.parametrize("more", [2, 1_000, 1_000_000])
def test_wav_with_a_plausible_size_is_cut_short(more):
    num_bytes = 2 * len(wave(16_000, 1))
    with pytest.raises(DamagedRecordingError, match=f"cut short, {num_bytes:,} of {num_bytes + more:,} bytes of sound"):
        decode_recording("x", wav(None, num_bytes + more), LONGEST_S)


def test_wav_without_samples_is_not_taken_for_a_pipe():
    start = wav()[:40]
    for data in (start + bytes(4), start + bytes(4) + LIST):
        with pytest.raises(DamagedRecordingError, match="holds no samples"):
            decode_recording("x", data, LONGEST_S)


@pytest.mark.parametrize("name", ["vorbis", "opus", "ogg-opus"])
def test_chained_ogg_is_read_whole(name):
    links = [made(name, 16_000, channels) for channels in (1, 2)]
    whole = decode_recording("x", b"".join(links), LONGEST_S)
    parts = [decode_recording("x", link, LONGEST_S) for link in links]
    assert len(whole) == sum(map(len, parts))
    assert np.abs(whole - np.concatenate(parts)).max() <= 2**-15


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("mp3", r"x: cut short, \d+ of \d+ frames are there"),
        ("mp3-without-xing", r"x: cut short, \d+ whole frames are there, then damage and more frames"),
    ],
)
def test_mp3_damaged_in_the_middle_is_refused(kind, message):
    """The decoder would stop there, and give the first half as if it were the whole."""
    damaged = bytearray(made(kind, 16_000, 1))
    half = len(damaged) // 2
    damaged[half : half + 400] = b"\xff" * 400
    with pytest.raises(DamagedRecordingError, match=message):
        decode_recording("x", bytes(damaged), LONGEST_S)


def test_mp3_with_id3_tags_at_both_ends():
    tag = b"ID3\x04\0\0" + bytes((0, 0, 1, 0)) + bytes(128)
    mp3 = made("mp3", 44_100, 1)
    tagged = decode_recording("x", tag + mp3 + b"TAG" + bytes(125), LONGEST_S)
    assert np.array_equal(tagged, decode_recording("x", mp3, LONGEST_S))


def test_media_without_pyav_is_refused_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(CorpusError, match=r"x is M4A: .*pip install 'asheard\[media\]', or convert it: ffmpeg"):
        decode_recording("x", made("m4a", 48_000, 1), LONGEST_S)


@pytest.mark.parametrize("data", [b"%PDF-1.7 and so on", b"#EXTM3U\nhttp://host/a.wav\n", b"RIFF\4\0\0\0AVI ", b"M"])
def test_find_container_knows_only_recordings(data):
    assert find_container(data) is None
