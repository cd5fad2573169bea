"""Decode uploaded recordings in memory. The file format is read from the bytes, never from the name or type sent."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from asheard.errors import optional_package
from asheard.io.audio import SAMPLE_RATE_HZ, check_samples, missing_riff_bytes
from asheard.server.middleware import HTTPError

NAME: Final = "the recording"  # in messages, so that no client's file name is repeated or logged
_MAX_CHANNELS: Final = 16
_RATES_HZ: Final = range(4_000, 384_001)
_BLOCK: Final = 1 << 16  # frames decoded at a time
# First bytes of the formats that libsndfile decodes. An MP3 may also start with a bare frame (11 set bits).
_SNDFILE: Final = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff", b".snd")
_MATROSKA: Final = b"\x1a\x45\xdf\xa3"  # of WebM, which FFmpeg decodes, and so it does M4A: "ftyp" at byte 4
_FORMATS: Final = "send WAV, FLAC, Ogg, MP3, M4A or WebM"

Samples = NDArray[np.float32]


def read_upload(data: bytes, longest_s: float) -> Samples:
    """Decode a recording of any sample rate and number of channels.

    The recording is decoded in blocks and refused as soon as it is too long, so that a small compressed file cannot
    fill the memory.

    Args:
        data: the file.
        longest_s: limit of the recording's length in seconds.
    Returns:
        (num_samples,) float32 at 16 kHz, channels mixed to mono.
    Raises:
        HTTPError: not a recording (415); empty, cut short or damaged (400); too long (413).
        CorpusError: too short for a word, not finite, or silent.
    """
    if not data:
        raise HTTPError(400, f"{NAME} is empty; record it again")
    blocks = _sndfile_blocks if _is_sndfile(data) else _ffmpeg_blocks if _is_ffmpeg(data) else None
    if blocks is None:
        raise HTTPError(415, f"the upload is not a recording; {_FORMATS}")
    samples = np.concatenate([np.empty(0, np.float32), *blocks(data, longest_s)])
    if not len(samples):
        raise HTTPError(400, f"{NAME} holds no samples; record it again")
    check_samples(NAME, samples)
    return samples


def _is_sndfile(data: bytes) -> bool:
    mp3_frame = data[0] == 0xFF and data[1:2] >= b"\xe0"
    return data.startswith(_SNDFILE) or mp3_frame


def _is_ffmpeg(data: bytes) -> bool:
    return data.startswith(_MATROSKA) or data[4:8] == b"ftyp"


def _sndfile_blocks(data: bytes, longest_s: float) -> Iterator[Samples]:
    _check_riff_length(data)
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate_hz, channels = file.samplerate, file.channels
            if channels > _MAX_CHANNELS or rate_hz not in _RATES_HZ:
                raise HTTPError(400, f"{NAME} has {channels} channels at {rate_hz} Hz; convert it to mono at 16 kHz")
            _check_length(file.frames / rate_hz, longest_s)
            resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, quality="HQ")
            num_read = 0
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                num_read += len(block)
                _check_length(num_read / rate_hz, longest_s)
                mono = block.mean(axis=1, dtype=np.float32)
                yield mono if rate_hz == SAMPLE_RATE_HZ else resampler.resample_chunk(mono)
            if num_read < file.frames < 2**62:
                raise HTTPError(
                    400, f"{NAME} is cut short: {num_read} of {file.frames} frames are there; send it again"
                )
            if rate_hz != SAMPLE_RATE_HZ:
                yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
    except soundfile.LibsndfileError as error:
        raise HTTPError(400, f"{NAME} is damaged or cut short ({error.error_string}); {_FORMATS}") from None


def _ffmpeg_blocks(data: bytes, longest_s: float) -> Iterator[Samples]:
    av = optional_package("av", "serve")
    try:
        with av.open(BytesIO(data), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise HTTPError(415, f"the upload holds no sound; {_FORMATS}")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
            num_samples = 0
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    num_samples += part.samples
                    _check_length(num_samples / SAMPLE_RATE_HZ, longest_s)
                    yield part.to_ndarray()[0]
            for part in resampler.resample(None):
                yield part.to_ndarray()[0]
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise HTTPError(400, f"{NAME} is damaged or cut short ({error}); {_FORMATS}") from None


def _check_length(seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise HTTPError(413, f"{NAME} is longer than {longest_s:.0f} s; split it at pauses")


def _check_riff_length(data: bytes) -> None:
    if missing := missing_riff_bytes(data[:8], len(data)):
        raise HTTPError(
            400, f"{NAME} is cut short: {len(data)} of {len(data) + missing} bytes are there; send it again"
        )
