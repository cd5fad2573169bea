"""eSpeak NG in this process: phones of a text, and speech from phoneme mnemonics with the time of every phoneme.

The library and its data come from PyPI (`espeakng-loader`), so nothing is installed on the system. eSpeak NG has one
voice and one set of parameters for the whole process; a lock protects each call here.

Source: the public header espeak-ng/speak_lib.h.
"""

import ctypes
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from asheard.errors import PhoneError

_SYNCHRONOUS_OUTPUT: Final = 2
_INIT_PHONEME_EVENTS: Final = 1
_CHARS_UTF8: Final = 1
_PHONEME_INPUT: Final = 0x100
_PHONEMES_AS_IPA: Final = 0x02
_PARAM_RATE, _PARAM_PITCH, _PARAM_RANGE = 1, 3, 4
_EVENT_END, _EVENT_PHONEME = 0, 7

_LOCK = threading.RLock()


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of eSpeak: its name with a variant (`en-us+f3`), words a minute, pitch and pitch range (0..99)."""

    name: str = "en-us"
    rate_wpm: int = 165
    pitch: int = 50
    pitch_range: int = 50


@dataclass(frozen=True, slots=True)
class Speech:
    """Rendered speech.

    Attributes:
        samples: (T,) int16 mono.
        phonemes: (mnemonic, first sample) of each phoneme, with stress marks; pauses included.
    """

    samples: NDArray[np.int16]
    sample_rate_hz: int
    phonemes: tuple[tuple[str, int], ...]


class _Engine:
    """The loaded library, and what its callback collects during one call."""

    def __init__(self) -> None:
        self.library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate_hz: int = self.library.espeak_Initialize(_SYNCHRONOUS_OUTPUT, 0, data, _INIT_PHONEME_EVENTS)
        if self.sample_rate_hz <= 0:
            raise RuntimeError("eSpeak NG did not start; reinstall the package espeakng-loader")
        self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.chunks: list[NDArray[np.int16]] = []
        self.phonemes: list[tuple[str, int]] = []
        self.voice: Voice | None = None  # the selected one
        self.callback = _Callback(self._collect)  # referenced here, because the library has only a pointer to it
        self.library.espeak_SetSynthCallback(self.callback)

    def _collect(self, wav: Any, num_samples: int, events: Any) -> int:
        if wav and num_samples > 0:
            self.chunks.append(np.ctypeslib.as_array(wav, (num_samples,)).copy())
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                self.phonemes.append((event.id.string.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0

    def select(self, voice: Voice) -> None:
        self.voice = None
        _, _, variant = voice.name.partition("+")  # eSpeak NG ignores a variant that it lacks
        known = not variant or variant in _variants()
        if not known or self.library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise PhoneError(f"eSpeak NG has no voice {voice.name!r}")
        for parameter, value in (
            (_PARAM_RATE, voice.rate_wpm),
            (_PARAM_PITCH, voice.pitch),
            (_PARAM_RANGE, voice.pitch_range),
        ):
            self.library.espeak_SetParameter(parameter, value, 0)
        self.voice = voice


@cache
def _variants() -> frozenset[str]:
    return frozenset(path.name for path in (Path(espeakng_loader.get_data_path()) / "voices/!v").iterdir())


@cache
def _engine() -> _Engine:
    return _Engine()


def text_to_ipa(text: str, voice: str = "en-us") -> str:
    """Give the phones of a text as eSpeak NG would say it.

    Returns:
        eSpeak's IPA labels joined by "_" within a word and by spaces between words, stress marks included.
    Raises:
        PhoneError: the text holds a NUL character, or the voice does not exist.
    """
    if "\0" in text:
        raise PhoneError("a text with a NUL character cannot be read aloud; remove the character")
    with _LOCK:
        engine = _engine()
        if engine.voice != Voice(voice):  # each selection takes 1.4 kB that eSpeak NG never gives back
            engine.select(Voice(voice))
        pointer = ctypes.pointer(ctypes.cast(ctypes.c_char_p(text.encode()), ctypes.c_void_p))
        mode = _PHONEMES_AS_IPA | ord("_") << 8
        clauses = []
        while pointer.contents.value:
            clauses.append(engine.library.espeak_TextToPhonemes(pointer, _CHARS_UTF8, mode).decode())
        return " ".join(" ".join(clauses).split())


def render_phonemes(mnemonics: str, voice: Voice, *, seed: int | None = None) -> Speech:
    """Speak eSpeak phoneme mnemonics (Kirshenbaum-like, e.g. `h@l'oU w'3:ld`).

    eSpeak NG silently drops unknown mnemonics: compare `Speech.phonemes` with what was asked for. The bytes are
    reproducible only for the same seed and the same earlier calls in the process.

    Raises:
        PhoneError: the voice does not exist.
    """
    text = f"[[{mnemonics}]]".encode()
    with _LOCK:
        engine = _engine()
        engine.select(voice)
        engine.chunks, engine.phonemes = [], []
        if seed is not None:
            engine.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        engine.library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _CHARS_UTF8 | _PHONEME_INPUT, None, None)
        samples = np.concatenate(engine.chunks) if engine.chunks else np.zeros(0, np.int16)
        return Speech(samples, engine.sample_rate_hz, tuple(engine.phonemes))
