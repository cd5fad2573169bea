"""The one reader of recordings: files, manifests and uploads become 16 kHz mono samples, the same by every route.

soundfile (libsndfile) decodes what it reads exactly; PyAV (FFmpeg's libraries, extra `media`) decodes the rest.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from asheard.errors import (
    CorpusError,
    DamagedRecordingError,
    LongRecordingError,
    ModelError,
    NoSpeechError,
    NotARecordingError,
    optional_package,
)
from asheard.io.containers import Buffer, Container, find_container
from asheard.io.digests import text_digest
from asheard.io.files import reading, whole_file
from asheard.io.names import check_utf8_path

SAMPLE_RATE_HZ: Final = 16_000

LONGEST_S: Final = 3600.0  # limit of what is transcribed, in chunks: an hour is 230 MB of samples
# Limit of what is scored against a text: time and memory grow with the square of the length, and three minutes take 9 s
# and 2 GB on one core.
LONGEST_READING_S: Final = 180.0
_SHORTEST_S: Final = 0.1  # the shortest words take longer
_RATES_HZ: Final = range(4_000, 384_001)  # below, there is too little of speech to recognise a phone
_BLOCK_VALUES: Final = 1 << 13  # samples of all channels that are decoded at a time

# A recording whose loudest sample is below three steps of 16 bits (-81 dB full scale) is silent.
_SILENCE_PEAK: Final = 3 / 2**15
# The mix of channels that differ has half their mean power or more, of which little is left if they cancel.
_CANCELLED: Final = 0.01

_AGAIN: Final = "copy it again, or record it again"
_CONVERT: Final = "ffmpeg -i FILE FILE.wav"

Samples = NDArray[np.float32]


def audio_seconds(path: Path | str) -> float:
    """Read the length of a recording in seconds: from its header, or by decoding if no header has the exact length.

    Raises:
        CorpusError: the file is missing, not a recording, or cut short.
    """
    with _opened(path, Path(path)) as recording:
        seconds = sum(
            (stream.num_frames or sum(len(block) for block in stream.blocks)) / stream.rate_hz
            for stream in recording.streams()
        )
    if not seconds:
        raise DamagedRecordingError(f"{path}: holds no samples; {_AGAIN}")
    return seconds


def load_audio(
    wav_root: Path | str, wav: str, cache: Path | str | None = None, longest_s: float | None = None
) -> Samples:
    """Load one recording of a corpus.

    A 16 kHz mono recording is read as it is. Any other is mixed to mono (the mean of its channels; the loudest channel
    if they cancel), resampled with soxr (HQ) and rounded to 16 bits, once: the result is kept in `cache` under the
    file's path, size and time of change. The samples are the same with and without a cache, and several processes may
    share one cache. A recording that goes beyond [-1, 1] is scaled so that its peak is 1.

    Args:
        wav_root: folder that the manifest's paths start from.
        wav: path of the recording relative to `wav_root`.
        cache: folder for resampled recordings; None keeps nothing.
        longest_s: limit of the length, checked before the samples fill the memory; None for no limit.
    Returns:
        (num_samples,) float32 in [-1, 1] at 16 kHz.
    Raises:
        CorpusError: the recording is missing, empty, cut short, too long, not finite or no recording at all.
        NoSpeechError: it is silent.
    """
    path = Path(wav_root) / wav
    if not path.is_file():
        raise CorpusError(f"{path}: no such recording; is --wav-root the folder the manifest's paths start from?")
    if cache is None:
        return _read(path, path, longest_s)[0]
    status = path.stat()
    key = text_digest(f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}")
    kept = Path(cache) / key[:2] / f"{key[2:32]}.wav"
    if not kept.is_file():
        read, as_recorded = _read(path, path, longest_s)
        if not as_recorded:
            with whole_file(kept) as part:
                part.write_bytes(_pcm16_wav((read * 2**15).astype(np.int16)))
        return read
    samples: Samples = soundfile.read(kept, dtype="float32")[0]
    _check_not_too_long(path, len(samples) / SAMPLE_RATE_HZ, longest_s)
    return samples


def load_recording(path: Path | str, longest_s: float = LONGEST_S) -> Samples:
    """Load a recording that belongs to no corpus, as `load_audio` does.

    Raises:
        CorpusError: as of `load_audio`, or the recording is shorter than 0.1 s or longer than `longest_s`.
        NoSpeechError: it is silent.
    """
    return _read(path, Path(path), longest_s, _SHORTEST_S)[0]


def decode_recording(name: str, data: bytes, longest_s: float) -> Samples:
    """Decode a recording in memory, as `load_recording` reads a file.

    Args:
        name: of the recording, for messages.
        data: the file. Its format is recognised by the bytes.
        longest_s: limit of the length.
    Raises:
        CorpusError, NoSpeechError: as of `load_recording`.
    """
    return _read(name, data, longest_s, _SHORTEST_S)[0]


def convert_samples(name: str, samples: ArrayLike, longest_s: float = LONGEST_S) -> Samples:
    """Convert an array of samples at 16 kHz, and check it as `load_recording` checks what it loads.

    int16 and int32 are divided by 2^15 and 2^31. Of floats, samples beyond [-1, 1] are scaled so that the peak is 1.

    Args:
        name: of the recording, for messages.
        samples: one channel: shape (num_samples,), (1, num_samples) or (num_samples, 1).
        longest_s: limit of the length.
    Returns:
        (num_samples,) float32 in [-1, 1].
    Raises:
        CorpusError: another type or shape, not finite, too short or too long.
        NoSpeechError: silent.
    """
    array = np.asarray(samples)
    if array.dtype not in (np.int16, np.int32) and array.dtype.kind != "f":
        raise CorpusError(f"{name}: samples of type {array.dtype}; give floats in [-1, 1], int16 or int32")
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise CorpusError(
            f"{name}: samples of shape {array.shape}; give one channel, (num_samples,), at {SAMPLE_RATE_HZ:,} Hz"
        )
    scale = 1 if array.dtype.kind == "f" else -np.iinfo(array.dtype).min
    mono: Samples = (array / scale).astype(np.float32) if scale != 1 else array.astype(np.float32, copy=False)
    _check_not_too_short(name, len(mono) / SAMPLE_RATE_HZ, _SHORTEST_S)
    _check_not_too_long(name, len(mono) / SAMPLE_RATE_HZ, longest_s)
    _check_finite(name, mono)
    peak = float(np.abs(mono).max())
    _check_not_silent(name, peak)
    return mono / np.float32(peak) if peak > 1 else mono


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read once from start to end.

    soundfile seeks after each block if it can, which changes the samples of MP3 (the decoder loses its bit reservoir)
    and fails in FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


class _SoundSource(io.BufferedReader):
    """A file for libsndfile. A seek to a place outside it, as a damaged header wants, leaves it where it is.

    An exception would not reach the caller: it would be printed with a traceback.
    """

    def seek(self, target: int, whence: int = 0, /) -> int:
        """Go to a place, if it can be one."""
        try:
            return super().seek(target, whence)
        except (OSError, ValueError):
            return self.tell()


@dataclass(slots=True)
class _Stream:
    """One stream of a recording.

    Attributes:
        rate_hz, channels: of the stream.
        num_frames: announced exactly; None if only decoding tells.
        blocks: (num_frames, num_channels) each.
    """

    rate_hz: int
    channels: int
    num_frames: int | None
    blocks: Iterator[Samples]


@dataclass(frozen=True, slots=True)
class _Recording:
    """An opened recording, whose format is known and which is not cut short."""

    name: Path | str
    source: Path | bytes
    data: Buffer
    container: Container

    def streams(self) -> Iterator[_Stream]:
        """Yield the streams one after the other: several if an Ogg file is chained."""
        if not self.container.sndfile:
            yield from self._media_stream(None)
        elif len(self.container.links) > 1:
            for start, end in self.container.links:
                yield from self._sound_stream(io.BytesIO(self.data[start:end]))
        elif self.container.patch is not None:
            offset, size = self.container.patch
            patched = b"".join((self.data[:offset], size, self.data[offset + len(size) :]))
            yield from self._sound_stream(io.BytesIO(patched))
        else:
            yield from self._sound_stream(self._file())

    def _file(self) -> io.BytesIO | io.BufferedReader:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")

    def _sound_stream(self, source: io.BytesIO | io.BufferedReader) -> Iterator[_Stream]:
        """Decode with libsndfile."""
        with _SoundSource(source) as source:
            try:
                file = _ForwardFile(source)
            except soundfile.LibsndfileError as error:  # a codec that it does not know, or damage
                yield from self._media_stream(error.error_string)
                return
            with file:
                estimated = file.subtype.startswith("MPEG") or file.frames >= 2**62
                num_frames = None if estimated else file.frames
                yield _Stream(file.samplerate, file.channels, num_frames, self._sound_blocks(file, num_frames))

    def _sound_blocks(self, file: "_ForwardFile", num_frames: int | None) -> Iterator[Samples]:
        num_read = 0
        try:
            while len(block := file.read(max(1, _BLOCK_VALUES // file.channels), dtype="float32", always_2d=True)):
                num_read += len(block)
                yield block
        except soundfile.LibsndfileError as error:
            frames = f"{num_read:,} frames" if num_frames is None else f"{num_read:,} of {num_frames:,} frames"
            raise DamagedRecordingError(
                f"{self.name}: cut short or damaged ({error.error_string}); at least {frames} are there; {_AGAIN}"
            ) from None
        if num_frames is not None and num_read < num_frames:
            raise DamagedRecordingError(
                f"{self.name}: cut short, {num_read:,} of {num_frames:,} frames are there; {_AGAIN}"
            )

    def _media_stream(self, refusal: str | None) -> Iterator[_Stream]:
        """Decode with FFmpeg's libraries.

        Args:
            refusal: what libsndfile said of a codec that it does not know; None if the format is not one of its own.
        """
        try:
            av = optional_package("av", "media")
        except ModelError as error:
            what = f"is {self.container.name}" if refusal is None else f"cannot be read by libsndfile ({refusal})"
            raise CorpusError(f"{self.name} {what}: {error}, or convert it: {_CONVERT}") from None
        with ExitStack() as stack:
            try:
                # The demuxer is named, because FFmpeg would recognise lists of addresses too, and open them.
                file = stack.enter_context(self._file())
                container = stack.enter_context(av.open(file, format=self.container.demuxer, metadata_errors="ignore"))
                if not container.streams.audio:
                    raise NotARecordingError(f"{self.name}: holds no sound; {_CONVERT}")
                frames = container.decode(audio=0)
                first = next(frames, None)
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:  # OSError: a place outside the file
                raise self._damaged(refusal or error) from None
            if first is None:
                return
            yield _Stream(first.sample_rate, first.layout.nb_channels, None, self._media_blocks(av, first, frames))

    def _media_blocks(self, av: Any, first: Any, frames: Iterator[Any]) -> Iterator[Samples]:
        to_float = av.AudioResampler(format="fltp")
        frame = first
        try:
            while frame is not None:
                for part in to_float.resample(frame):
                    yield np.ascontiguousarray(part.to_ndarray().T)
                frame = next(frames, None)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: object) -> DamagedRecordingError:
        return DamagedRecordingError(f"{self.name}: damaged or cut short ({error}); {_AGAIN}")


@contextmanager
def _opened(name: Path | str, source: Path | bytes) -> Iterator[_Recording]:
    """Open a recording, recognise its format, and refuse it if it is cut short."""
    with ExitStack() as stack:
        if isinstance(source, Path):
            check_utf8_path(source)
            stack.enter_context(reading(source))
            if not source.is_file():
                raise CorpusError(f"{source}: no such recording; check the path")
        if not (source.stat().st_size if isinstance(source, Path) else source):
            raise DamagedRecordingError(f"{name}: an empty file; {_AGAIN}")
        data: Buffer
        if isinstance(source, bytes):
            data = source
        else:
            data = stack.enter_context(mmap(stack.enter_context(source.open("rb")).fileno(), 0, access=ACCESS_READ))
        container = find_container(data)
        if container is None:
            raise NotARecordingError(f"{name}: not a recording of a format that is read; convert it: {_CONVERT}")
        if container.missing is not None:
            raise DamagedRecordingError(f"{name}: cut short, {container.missing}; {_AGAIN}")
        yield _Recording(name, source, data, container)


@dataclass(slots=True)
class _Levels:
    """Levels of a recording as it is read.

    Attributes:
        peak: the largest absolute value of the mix.
        power: sum of squares of the mix.
        channels: sums of squares of each channel.
    """

    peak: float = 0.0
    power: float = 0.0
    channels: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def add(self, block: Samples, mono: Samples) -> None:
        self.peak = max(self.peak, float(np.abs(mono).max()))
        self.power += float(np.square(mono, dtype=np.float64).sum())
        powers = np.square(block, dtype=np.float64).sum(axis=0)
        self.channels = self.channels + powers if len(self.channels) == len(powers) else powers

    @property
    def cancel(self) -> bool:
        return self.power < _CANCELLED * float(self.channels.mean())


def _read(
    name: Path | str, source: Path | bytes, longest_s: float | None, shortest_s: float = 0.0
) -> tuple[Samples, bool]:
    """Read and check a recording.

    Returns:
        (num_samples,) at 16 kHz, and whether these are the recording's own samples, neither mixed nor resampled.
    """
    with _opened(name, source) as recording:
        samples, levels, as_recorded = _mix(recording, longest_s, None)
        if levels.cancel:
            samples, levels, _ = _mix(recording, longest_s, int(levels.channels.argmax()))
        if not len(samples):
            raise DamagedRecordingError(f"{recording.name}: holds no samples; {_AGAIN}")
        _check_not_too_short(recording.name, len(samples) / SAMPLE_RATE_HZ, shortest_s)
        _check_not_silent(recording.name, levels.peak)
    if levels.peak > 1:
        samples = samples / np.float32(levels.peak)
    if not as_recorded:
        in_16_bits = np.clip(np.rint(samples * 2**15), -(2**15), 2**15 - 1)
        samples = np.divide(in_16_bits, 2**15, dtype=np.float32)
    return samples, as_recorded


def _mix(recording: _Recording, longest_s: float | None, channel: int | None) -> tuple[Samples, _Levels, bool]:
    """Mix to mono and resample to 16 kHz, block by block, so that nothing too long fills the memory.

    Args:
        channel: the one to take; None for the mean of all.
    """
    parts: list[Samples] = []
    levels, seconds, as_recorded = _Levels(), 0.0, True
    for stream in recording.streams():
        rate_hz = stream.rate_hz
        _check_not_too_long(recording.name, seconds + (stream.num_frames or 0) / rate_hz, longest_s)
        if rate_hz not in _RATES_HZ:
            raise DamagedRecordingError(
                f"{recording.name}: {rate_hz:,} Hz; the limits are {_RATES_HZ[0]:,} and {_RATES_HZ[-1]:,} Hz. "
                "Record it again, at 16,000 Hz or more"
            )
        as_recorded &= rate_hz == SAMPLE_RATE_HZ and stream.channels == 1
        resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, quality="HQ")
        num_read = 0
        for block in stream.blocks:
            num_read += len(block)
            _check_not_too_long(recording.name, seconds + num_read / rate_hz, longest_s, "at least ")
            _check_finite(recording.name, block)
            mono = block.mean(axis=1, dtype=np.float32) if channel is None else block[:, channel]
            levels.add(block, mono)
            parts.append(mono if rate_hz == SAMPLE_RATE_HZ else resampler.resample_chunk(np.ascontiguousarray(mono)))
        if rate_hz != SAMPLE_RATE_HZ:
            parts.append(resampler.resample_chunk(np.empty(0, np.float32), last=True))
        seconds += num_read / rate_hz
    return np.concatenate([np.empty(0, np.float32), *parts]), levels, as_recorded


def _pcm16_wav(samples: NDArray[np.int16]) -> bytes:
    """Encode a WAV file. soundfile does not say why it cannot write one to a disk; Python does."""
    wav = io.BytesIO()
    soundfile.write(wav, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return wav.getvalue()


def _check_not_too_short(name: Path | str, seconds: float, shortest_s: float) -> None:
    if seconds < shortest_s:
        raise CorpusError(f"{name}: {seconds:.3f} s long; the minimum is {shortest_s} s. Record it again")


def _check_not_too_long(name: Path | str, seconds: float, longest_s: float | None, at_least: str = "") -> None:
    if longest_s is not None and seconds > longest_s:
        raise LongRecordingError(
            f"{name}: {at_least}{seconds:.0f} s long; the limit is {longest_s:.0f} s. Split it at pauses"
        )


def _check_finite(name: Path | str, samples: Samples) -> None:
    if not np.isfinite(samples).all():
        raise CorpusError(f"{name}: holds samples that are not finite numbers; convert it again")


def _check_not_silent(name: Path | str, peak: float) -> None:
    if peak < _SILENCE_PEAK:
        raise NoSpeechError(f"{name}: silent from end to end; check the microphone and record it again")
