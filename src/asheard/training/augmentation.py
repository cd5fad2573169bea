"""Variants of training recordings: other speed, reverberation, noise and level, drawn anew in each epoch."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from asheard.corpora.synthetic.render import add_noise
from asheard.io.audio import SAMPLE_RATE_HZ

Waveform = NDArray[np.float32]

# For each change, the share of recordings it is applied to and the bounds of a uniform draw. Speed changes tempo, pitch
# and formants together (Ko et al. 2015); at the upper bound, an adult's voice comes close to a child's.
SPEED_SHARE: Final = 0.6
SPEED: Final = (0.85, 1.18)
ROOM_SHARE: Final = 0.3
REVERBERATION_S: Final = (0.1, 0.5)
DIRECT_TO_ROOM: Final = (0.8, 3.0)
NOISE_SHARE: Final = 0.5
SNR_DB: Final = (5.0, 30.0)
LEVEL_SHARE: Final = 0.5
LEVEL_DB: Final = (-40.0, -14.0)  # root mean square, against full scale


def augment(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Draw a variant of a recording.

    Args:
        samples: (S,) float32 at 16 kHz.
        rng: source of all randomness.
    Returns:
        (S',) float32. S' is S divided by the speed.
    """
    if rng.random() < SPEED_SHARE:
        samples = soxr.resample(samples, SAMPLE_RATE_HZ * rng.uniform(*SPEED), SAMPLE_RATE_HZ, quality="LQ")
    if rng.random() < ROOM_SHARE:
        samples = add_reverberation(samples, rng.uniform(*REVERBERATION_S), rng.uniform(*DIRECT_TO_ROOM), rng)
    if rng.random() < NOISE_SHARE:
        samples = add_noise(samples, rng.uniform(*SNR_DB), rng)
    if rng.random() < LEVEL_SHARE:
        root_mean_square = float(np.sqrt(np.mean(samples**2))) or 1.0
        samples = samples * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / root_mean_square)
    return samples


def add_reverberation(
    samples: Waveform, reverberation_s: float, direct_to_room: float, rng: np.random.Generator
) -> Waveform:
    """Convolve a recording with an impulse (the direct sound) followed by exponentially decaying noise.

    Args:
        samples: (S,) float32 at 16 kHz.
        reverberation_s: time in which the reverberation falls by 60 dB.
        direct_to_room: amplitude of the direct sound divided by that of the reverberation.
        rng: source of the noise.
    Returns:
        (S,) float32.
    """
    length = round(reverberation_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail /= np.linalg.norm(tail) * direct_to_room
    tail[0] = 1.0
    fast_length = 1 << (len(samples) + length).bit_length()
    spectrum = np.fft.rfft(samples, fast_length) * np.fft.rfft(tail, fast_length)
    wet: Waveform = np.fft.irfft(spectrum, fast_length)[: len(samples)].astype(np.float32)
    return wet
