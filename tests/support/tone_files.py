"""Recordings of a tone, and a recogniser that times its phones."""

import numpy as np
import soundfile

TIMED = """import json, sys; sys.stdin.buffer.read()
print(json.dumps({"phones": "HH AH", "confidences": [0.9, 0.25], "times_s": [[0.1, 0.2], [0.2, 0.35]]}))"""


def write(path, rate_hz=16_000, channels=1, seconds=0.5):
    swelling = np.linspace(0.01, 0.5, int(rate_hz * seconds))
    samples = np.sin(np.arange(len(swelling)) / 10) * swelling
    soundfile.write(path, np.stack([samples] * channels, axis=1), rate_hz)
