"""Recordings as bytes, in the formats that people send."""

import io

import av
import numpy as np
import soundfile

MOON = "see the moon"


def wav_bytes(samples: np.ndarray, rate_hz: int = 16_000, subtype: str = "PCM_16", format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, subtype=subtype, format=format)
    return file.getvalue()


def av_bytes(samples: np.ndarray, rate_hz: int, format: str, codec: str) -> bytes:
    """What FFmpeg writes: M4A (ipod, aac) and WebM (webm, libopus), as browsers do."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="flt", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000, frame_size=stream.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()
