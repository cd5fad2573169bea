"""Recordings of every common format, damaged: samples, or one line that names the file."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import asheard
from asheard.io.audio import load_recording
from support.fuzzing import cases, check, damaged, examples
from support.recordings import av_bytes, wav_bytes

SPEECH = np.sin(np.arange(6_000) / 10) * np.linspace(0.01, 0.5, 6_000)
FORMATS = {
    "wav": ("WAV", "PCM_16"), "float.wav": ("WAV", "FLOAT"), "wavex.wav": ("WAVEX", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"), "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "ULAW"), "w64": ("W64", "PCM_16"), "caf": ("CAF", "PCM_16"), "rf64.wav": ("RF64", "PCM_16"),
}  # fmt: skip
WHOLE = {name: wav_bytes(SPEECH, 16_000, subtype, format) for name, (format, subtype) in FORMATS.items()}
WHOLE |= {
    "m4a": av_bytes(SPEECH, 16_000, "ipod", "aac"),
    "webm": av_bytes(SPEECH, 16_000, "webm", "libopus"),
    "aac": av_bytes(SPEECH, 16_000, "adts", "aac"),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


def load(folder: Path, name: str, data: bytes) -> None:
    path = folder / f"x.{name}"
    path.write_bytes(data)

    def finite() -> None:
        samples = load_recording(path)
        assert samples.ndim == 1
        assert np.isfinite(samples).all()

    check(f"audio-{name}", data, finite, path.name)


@pytest.mark.parametrize("name", WHOLE)
def test_load_recording_cases(folder, name):
    """Recordings that once ended in a traceback."""
    for case in cases(f"audio-{name}"):
        load(folder, name, case.read_bytes())


@pytest.mark.parametrize("name", WHOLE)
def test_load_recording_damaged(folder, name):
    @examples(60)
    @given(data=damaged(WHOLE[name]))
    def property(data):
        load(folder, name, data)

    property()


@examples(60)
@given(
    header=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)),
    sizes=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
)
def test_load_recording_wav_headers(folder, header, sizes):
    """Any sizes, number of channels and rate that a WAV header can hold: no memory is taken for what is not there."""
    data = bytearray(WHOLE["wav"])
    rate, channels, byte_rate = header
    data[4:8], data[40:44] = (size.to_bytes(4, "little") for size in sizes)
    data[22:24] = channels.to_bytes(2, "little")
    data[24:28], data[28:32] = (value.to_bytes(4, "little") for value in (rate, byte_rate))
    load(folder, "wav", bytes(data))


@examples(25)
@given(
    samples=st.lists(st.floats(width=32), min_size=1, max_size=400).map(lambda drawn: np.array(drawn * 20, np.float32))
)
def test_transcribe_any_samples(folder, samples):
    """Samples that are huge, not finite or tiny, from a file and from memory."""
    model = asheard.load_model()
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, subtype="FLOAT", format="WAV")
    path = folder / "samples.wav"
    path.write_bytes(file.getvalue())
    check("samples", file.getvalue(), lambda: model.transcribe(path), path.name)
    check("samples", file.getvalue(), lambda: model.transcribe(samples))
