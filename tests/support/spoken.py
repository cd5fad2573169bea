"""Speech without a corpus: eSpeak NG reads it."""

import numpy as np
import soxr
from numpy.typing import NDArray

from asheard.phones.espeak import Voice, render_phonemes

SENTENCES = ("Dh@ k'at s'at 0n Dh@ m'at", "S'i: s'Elz s'i:S,Elz", "w'Vn t'u: Tr'i: f'o@")


def say(mnemonics: str, voice: str = "en-us") -> NDArray[np.float32]:
    """(num_samples,) float32 at 16 kHz."""
    speech = render_phonemes(mnemonics, Voice(voice), seed=1)
    samples = speech.samples.astype(np.float32) / 2**15
    return soxr.resample(samples, speech.sample_rate_hz, 16_000).astype(np.float32)
