"""Recordings as 16 kHz mono samples, whatever soundfile reads them from.

Whether a recording holds speech at all: a check against a dead microphone, not a detector of voices.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from asheard.errors import CorpusError
from asheard.io.files import whole_file

SAMPLE_RATE_HZ: Final = 16_000

# A recording whose loudest sample is below three steps of 16 bits (-81 dB full scale) holds no speech.
_SILENCE_PEAK: Final = 3 / 2**15
_SHORTEST_S: Final = 0.1  # no word is said in less
LONGEST_S: Final = 3600.0  # of what is transcribed, in chunks: an hour is 230 MB of samples
# Of what is held to a text: time and memory of a score grow with the square of the length, and three minutes take 9 s
# and 2 GB on one core.
LONGEST_READING_S: Final = 180.0


def audio_seconds(path: Path | str) -> float:
    """Length of a recording in seconds, from its header.

    Raises:
        CorpusError: no such file, not a recording, or cut short.
    """
    return float(_header(Path(path)).duration)


def load_audio(
    wav_root: Path | str, wav: str, cache: Path | str | None = None, longest_s: float | None = None
) -> NDArray[np.float32]:
    """Load one recording.

    A 16 kHz mono recording is read as it is. Any other is mixed to mono (the mean of its channels), resampled with soxr
    (HQ) and rounded to 16 bits, once: the result is kept in `cache` under the file's path, size and time of change.
    With or without cache the samples are the same, and several processes may share one cache.

    Args:
        wav_root: folder the manifest's paths start from.
        wav: path of the recording relative to `wav_root`.
        cache: folder for resampled recordings; None keeps nothing.
        longest_s: refuse what is longer, before it is read; None reads any length.
    Returns:
        (num_samples,) float32 in [-1, 1] at 16 kHz.
    Raises:
        CorpusError: the recording is missing, empty, cut short, silent, too long, not finite or no recording at all.
    """
    path = Path(wav_root) / wav
    if not path.is_file():
        raise CorpusError(f"{path}: no such recording; is --wav-root the folder the manifest's paths start from?")
    header = _header(path)
    if longest_s is not None:
        _refuse_too_long(path, header.duration, longest_s)
    if header.samplerate == SAMPLE_RATE_HZ and header.channels == 1:
        return _audible(path, _samples(path, header.frames)[:, 0])
    if cache is None:
        return np.divide(_resampled(path, header), 2**15, dtype=np.float32)
    status = path.stat()
    key = hashlib.sha256(f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}".encode()).hexdigest()
    kept = Path(cache) / key[:2] / f"{key[2:32]}.wav"
    if not kept.is_file():
        samples = _resampled(path, header)
        with whole_file(kept) as part:
            soundfile.write(part, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return _samples(kept, soundfile.info(kept).frames)[:, 0]


def load_recording(path: Path | str, longest_s: float = LONGEST_S) -> NDArray[np.float32]:
    """Load a recording that is part of no corpus; as `load_audio` does, and one of an unlikely length is refused.

    Raises:
        CorpusError: what `load_audio` refuses, and what is too short for a word (0.1 s) or longer than `longest_s`.
    """
    _refuse_too_short(path, audio_seconds(path))
    return load_audio(Path(path).parent, Path(path).name, longest_s=longest_s)


def check_samples(name: str, samples: NDArray[np.float32], longest_s: float = LONGEST_S) -> None:
    """See that samples could have been loaded by `load_recording`.

    Raises:
        CorpusError: they are not (num_samples,), or not finite; too short, too long or silent; naming them.
    """
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise CorpusError(f"{name}: give finite samples of shape (num_samples,), mono at {SAMPLE_RATE_HZ:,} Hz")
    seconds = len(samples) / SAMPLE_RATE_HZ
    _refuse_too_short(name, seconds)
    _refuse_too_long(name, seconds, longest_s)
    _audible(name, samples)


def _resampled(path: Path, header: soundfile._SoundFileInfo) -> NDArray[np.int16]:
    """(num_samples,) int16 at 16 kHz."""
    mono = _audible(path, _samples(path, header.frames).mean(axis=1, dtype=np.float32))
    resampled: NDArray[np.float32] = soxr.resample(mono, header.samplerate, SAMPLE_RATE_HZ, quality="HQ")
    return np.clip(np.rint(resampled * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


def _samples(path: Path, num_frames: int) -> NDArray[np.float32]:
    """(num_frames, num_channels) float32, checked; `num_frames` is what the header announces."""
    try:
        samples: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
    except soundfile.LibsndfileError as error:
        raise CorpusError(f"{path}: cut short or damaged ({error.error_string}); fetch it again") from None
    if len(samples) < num_frames:
        raise CorpusError(f"{path}: cut short, {len(samples)} of {num_frames} frames are there; fetch it again")
    if not np.isfinite(samples).all():
        raise CorpusError(f"{path}: holds samples that are not finite numbers; convert it again")
    return samples


def _refuse_too_short(name: Path | str, seconds: float) -> None:
    if seconds < _SHORTEST_S:
        raise CorpusError(f"{name}: {seconds:.3f} s long, too short for a word; record it again")


def _refuse_too_long(name: Path | str, seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise CorpusError(
            f"{name}: {seconds:.0f} s long, more than the {longest_s:.0f} s that are heard at once; cut it at pauses"
        )


def _audible(path: Path | str, mono: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.abs(mono).max() < _SILENCE_PEAK:
        raise CorpusError(f"{path}: silent from end to end; check the microphone and record it again, or leave it out")
    return mono


def _header(path: Path) -> soundfile._SoundFileInfo:
    if not path.is_file():
        raise CorpusError(f"{path}: no such recording")
    if path.stat().st_size == 0:
        raise CorpusError(f"{path}: an empty file; fetch the recording again")
    try:
        header = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise CorpusError(
            f"{path}: not a recording soundfile reads ({error.error_string}); convert it (ffmpeg -i FILE FILE.wav)"
        ) from None
    if header.frames == 0:
        raise CorpusError(f"{path}: holds no samples; fetch the recording again")
    _refuse_cut_riff(path)
    return header


def _refuse_cut_riff(path: Path) -> None:
    """libsndfile reads a WAV cut short as a shorter one; its header still says how long it was."""
    with path.open("rb") as file:
        start = file.read(8)
    announced = int.from_bytes(start[4:8], "little") + 8
    streamed = announced >= 2**32 or announced == 8  # written to a pipe: length never filled in
    if start[:4] == b"RIFF" and not streamed and path.stat().st_size < announced:
        raise CorpusError(f"{path}: cut short, {path.stat().st_size} of {announced} bytes are there; fetch it again")


# From its quietest 25 ms to its loudest, pre-emphasised, a minute of a tone, a hum or of white, pink or brown noise
# changes by less than this. Of 126 recordings of learners none changed by less than 30 dB, nor, with white noise 10 dB
# below the speech, by less than 4.
_STEADY_DB: Final = 3.0
_BLOCK: Final = SAMPLE_RATE_HZ // 200
_WINDOW: Final = 5  # blocks: 25 ms
_HOP: Final = 2  # blocks: 10 ms


def check_speech(recording: Path | str, waveform: NDArray[np.float32], phones: Sequence[str]) -> None:
    """See that there is speech in a recording.

    Args:
        recording: its name, for the message.
        waveform: (num_samples,) at 16 kHz.
        phones: what a transcriber heard in it.
    Raises:
        CorpusError: not one phone was heard, or the level never changes.
    """
    if is_steady(waveform):
        reason = "its level never changes, as that of noise, a hum or a tone"
    elif not phones:
        reason = "the model hears not one phone"
    else:
        return
    raise CorpusError(f"no speech heard in {recording}: {reason}; play it, check the microphone and record it again")


def is_steady(waveform: NDArray[np.float32]) -> bool:
    """Whether the level never changes, as that of noise, a hum or a tone does not, and that of speech does.

    Args:
        waveform: (num_samples,) at 16 kHz; below 25 ms there is no telling.
    """
    num_blocks = len(waveform) // _BLOCK
    if num_blocks < _WINDOW:
        return False
    emphasised = np.diff(waveform, prepend=waveform[:1])[: num_blocks * _BLOCK]
    blocks = np.square(emphasised, dtype=np.float64).reshape(num_blocks, _BLOCK).sum(axis=1)
    power = np.lib.stride_tricks.sliding_window_view(blocks, _WINDOW)[::_HOP].sum(axis=1)
    return bool(power.max() < power.min() * 10 ** (_STEADY_DB / 10))
