"""Load recordings as 16 kHz mono samples, from any file that soundfile reads; check that they hold speech."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from asheard.errors import CorpusError, NoSpeechError
from asheard.io.digests import text_digest
from asheard.io.files import check_name, whole_file

SAMPLE_RATE_HZ: Final = 16_000

LONGEST_S: Final = 3600.0  # limit of what is transcribed, in chunks: an hour is 230 MB of samples
# Limit of what is scored against a text: time and memory grow with the square of the length, and three minutes take 9 s
# and 2 GB on one core.
LONGEST_READING_S: Final = 180.0
_SHORTEST_S: Final = 0.1  # the shortest words take longer

# A recording whose loudest sample is below three steps of 16 bits (-81 dB full scale) is silent.
_SILENCE_PEAK: Final = 3 / 2**15

# The level of a tone, a hum, or white, pink or brown noise of a minute changes by less than this between its quietest
# and its loudest 25 ms, after pre-emphasis. Of 126 recordings of learners none changed by less than 30 dB; with white
# noise 10 dB below the speech, none by less than 4 dB.
_STEADY_DB: Final = 3.0
_BLOCK: Final = SAMPLE_RATE_HZ // 200
_WINDOW: Final = 5  # blocks: 25 ms
_HOP: Final = 2  # blocks: 10 ms


def audio_seconds(path: Path | str) -> float:
    """Read the length of a recording in seconds, from its header.

    Raises:
        CorpusError: the file is missing, not a recording, or cut short.
    """
    return float(_header(Path(path)).duration)


def load_audio(
    wav_root: Path | str, wav: str, cache: Path | str | None = None, longest_s: float | None = None
) -> NDArray[np.float32]:
    """Load one recording of a corpus.

    A 16 kHz mono recording is read as it is. Any other is mixed to mono (the mean of its channels), resampled with soxr
    (HQ) and rounded to 16 bits, once: the result is kept in `cache` under the file's path, size and time of change.
    The samples are the same with and without a cache, and several processes may share one cache.

    Args:
        wav_root: folder that the manifest's paths start from.
        wav: path of the recording relative to `wav_root`.
        cache: folder for resampled recordings; None keeps nothing.
        longest_s: limit of the length, checked before the samples are read; None for no limit.
    Returns:
        (num_samples,) float32 in [-1, 1] at 16 kHz.
    Raises:
        CorpusError: the recording is missing, empty, cut short, too long, not finite or no recording at all.
        NoSpeechError: it is silent.
    """
    path = Path(wav_root) / wav
    if not path.is_file():
        raise CorpusError(f"{path}: no such recording; is --wav-root the folder the manifest's paths start from?")
    header = _header(path)
    if longest_s is not None:
        _check_not_too_long(path, header.duration, longest_s)
    if header.samplerate == SAMPLE_RATE_HZ and header.channels == 1:
        return _check_not_silent(path, _samples(path, header.frames)[:, 0])
    if cache is None:
        return np.divide(_resampled(path, header), 2**15, dtype=np.float32)
    status = path.stat()
    key = text_digest(f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}")
    kept = Path(cache) / key[:2] / f"{key[2:32]}.wav"
    if not kept.is_file():
        samples = _resampled(path, header)
        with whole_file(kept) as part:
            part.write_bytes(_pcm16_wav(samples))
    return _samples(kept, soundfile.info(kept).frames)[:, 0]


def load_recording(path: Path | str, longest_s: float = LONGEST_S) -> NDArray[np.float32]:
    """Load a recording that belongs to no corpus, as `load_audio` does.

    Raises:
        CorpusError: as of `load_audio`, or the recording is shorter than 0.1 s or longer than `longest_s`.
        NoSpeechError: it is silent.
    """
    check_name(path)
    _check_not_too_short(path, audio_seconds(path))
    return load_audio(Path(path).parent, Path(path).name, longest_s=longest_s)


def check_samples(name: str, samples: NDArray[np.float32], longest_s: float = LONGEST_S) -> None:
    """Check samples as `load_recording` checks those that it loads.

    Args:
        name: of the recording, for messages.
        samples: (num_samples,) at 16 kHz.
        longest_s: limit of the length.
    Raises:
        CorpusError: wrong shape, not finite, too short or too long.
        NoSpeechError: silent.
    """
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise CorpusError(f"{name}: give finite samples of shape (num_samples,), mono at {SAMPLE_RATE_HZ:,} Hz")
    seconds = len(samples) / SAMPLE_RATE_HZ
    _check_not_too_short(name, seconds)
    _check_not_too_long(name, seconds, longest_s)
    _check_not_silent(name, samples)


def check_speech(recording: Path | str, waveform: NDArray[np.float32], phones: Sequence[str]) -> None:
    """Check that a recording holds speech.

    This finds a dead microphone; it does not distinguish voices from other sounds.

    Args:
        recording: its name, for the message.
        waveform: (num_samples,) at 16 kHz.
        phones: what a transcriber recognised in it.
    Raises:
        NoSpeechError: no phone was recognised, or the level never changes.
    """
    if is_steady(waveform):
        reason = "its level never changes, as in noise, a hum or a tone"
    elif not phones:
        reason = "the model recognised no phone"
    else:
        return
    raise NoSpeechError(f"no speech in {recording}: {reason}; play it, check the microphone and record it again")


def is_steady(waveform: NDArray[np.float32]) -> bool:
    """Tell whether the level never changes, as in noise, a hum or a tone, and unlike in speech.

    Args:
        waveform: (num_samples,) at 16 kHz. Below 25 ms the answer is False.
    """
    num_blocks = len(waveform) // _BLOCK
    if num_blocks < _WINDOW:
        return False
    emphasised = np.diff(waveform, prepend=waveform[:1])[: num_blocks * _BLOCK]
    blocks = np.square(emphasised, dtype=np.float64).reshape(num_blocks, _BLOCK).sum(axis=1)
    power = np.lib.stride_tricks.sliding_window_view(blocks, _WINDOW)[::_HOP].sum(axis=1)
    return bool(power.max() < power.min() * 10 ** (_STEADY_DB / 10))


def missing_riff_bytes(start: bytes, num_bytes: int) -> int:
    """Count the bytes that a WAV file lacks by its header; libsndfile reads a file cut short as a shorter recording.

    Args:
        start: the first eight bytes, or more.
        num_bytes: size of the file.
    Returns:
        0 if the file is whole, is no WAV, or was streamed, so that its header does not have the length.
    """
    announced = int.from_bytes(start[4:8], "little") + 8
    streamed = announced >= 2**32 or announced == 8
    return 0 if start[:4] != b"RIFF" or streamed else max(0, announced - num_bytes)


def _resampled(path: Path, header: soundfile._SoundFileInfo) -> NDArray[np.int16]:
    """Read and resample; (num_samples,) int16 at 16 kHz."""
    mono = _check_not_silent(path, _samples(path, header.frames).mean(axis=1, dtype=np.float32))
    resampled: NDArray[np.float32] = soxr.resample(mono, header.samplerate, SAMPLE_RATE_HZ, quality="HQ")
    return np.clip(np.rint(resampled * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


def _pcm16_wav(samples: NDArray[np.int16]) -> bytes:
    """Encode a WAV file. soundfile does not say why it cannot write one to a disk; Python does."""
    wav = io.BytesIO()
    soundfile.write(wav, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return wav.getvalue()


def _samples(path: Path, num_frames: int) -> NDArray[np.float32]:
    """Read (num_frames, num_channels) float32; `num_frames` is the number in the header."""
    try:
        samples: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
    except soundfile.LibsndfileError as error:
        raise CorpusError(f"{path}: cut short or damaged ({error.error_string}); fetch it again") from None
    if len(samples) < num_frames:
        raise CorpusError(f"{path}: cut short, {len(samples)} of {num_frames} frames are there; fetch it again")
    if not np.isfinite(samples).all():
        raise CorpusError(f"{path}: holds samples that are not finite numbers; convert it again")
    return samples


def _check_not_too_short(name: Path | str, seconds: float) -> None:
    if seconds < _SHORTEST_S:
        raise CorpusError(f"{name}: {seconds:.3f} s long; the minimum is {_SHORTEST_S} s. Record it again")


def _check_not_too_long(name: Path | str, seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise CorpusError(f"{name}: {seconds:.0f} s long; the limit is {longest_s:.0f} s. Split it at pauses")


def _check_not_silent(path: Path | str, mono: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.abs(mono).max() < _SILENCE_PEAK:
        raise NoSpeechError(f"{path}: silent from end to end; check the microphone and record it again")
    return mono


def _header(path: Path) -> soundfile._SoundFileInfo:
    if not path.is_file():
        raise CorpusError(f"{path}: no such recording; check the path")
    num_bytes = path.stat().st_size
    if num_bytes == 0:
        raise CorpusError(f"{path}: an empty file; fetch the recording again")
    try:
        header = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise CorpusError(
            f"{path}: not a recording that soundfile reads ({error.error_string}); convert it (ffmpeg -i FILE FILE.wav)"
        ) from None
    if header.frames == 0:
        raise CorpusError(f"{path}: holds no samples; fetch the recording again")
    with path.open("rb") as file:
        missing = missing_riff_bytes(file.read(8), num_bytes)
    if missing:
        raise CorpusError(f"{path}: cut short, {num_bytes} of {num_bytes + missing} bytes are there; fetch it again")
    return header
