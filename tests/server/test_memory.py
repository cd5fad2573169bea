"""A service that runs for weeks: its memory does not grow with new words, recordings and labels.

Sizes are those of a process of its own. They are taken at equal distances, and a line is fitted to the second half of
them. What its slope proves is said beside each bound.
"""

import ast
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import httpx
import numpy as np
import pytest

import asheard
from support.processes import serving
from support.recordings import wav_bytes

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="no /proc, which has sizes of processes")

PAGE_MB = 4096 / 1e6
WORDS_A_TEXT = 220  # of 8 letters: as many as the longest text holds
EMPTY = "the recording: an empty file; copy it again, or record it again"


def size_mb(process):
    """Resident memory."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE_MB


def new_words(rng, number):
    syllables = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
    return " ".join("".join(rng.choices(syllables, k=4)) for _ in range(number))


def recording(rng, shortest_s, longest_s):
    """A voice-like recording of a length that no other one has."""
    samples = np.arange(round(16_000 * np.exp(rng.uniform(np.log(shortest_s), np.log(longest_s)))))
    level = 0.1 * np.sin(2 * np.pi * 4 / 16_000 * samples) ** 2
    return wav_bytes(level * np.sin(2 * np.pi * 150 / 16_000 * samples + 3 * np.sin(samples / 900)))


def growth(process, ask, number, clients=2):
    """Ask `number` times, and return by how many MB a request grows the process in the second half, and the error.

    The error is twice the standard error of the slope. It is too small for steps, so the bounds are generous.
    """
    steps, sizes = 16, []
    with ThreadPoolExecutor(clients) as pool:
        for _ in range(steps):
            list(pool.map(ask, range(number // steps)))
            sizes.append(size_mb(process))
    times = np.arange(1, steps + 1)[steps // 2 :] * (number // steps)
    line, covariance = np.polyfit(times, sizes[steps // 2 :], 1, cov=True)
    return line[0], 2 * np.sqrt(covariance[0, 0])


def test_size_does_not_grow_with_new_words_and_lengths():
    """The second half of 14,080 new words and of 240 new lengths.

    This finds what grew once: 1.4 kB a word in eSpeak NG (200 kB a text) and 12 kB a length in ONNX Runtime. So few
    requests leave an error of about 1 kB each, which would be 100 MB for 100,000 of them; the slow test below has the
    bound for these.
    """
    rng = random.Random(1)
    with serving("--preload", "asheard-tiny") as (process, url), httpx.Client(timeout=60) as client:

        def score_nothing(_):
            """The text is read before the recording, which is empty."""
            fields = {"text": new_words(rng, WORDS_A_TEXT)}
            answer = client.post(f"{url}/score", files={"audio": b""}, data=fields)
            assert (answer.status_code, answer.json()["detail"]) == (400, EMPTY)

        def transcribe(_):
            audio = recording(rng, 0.15, 0.3)
            assert client.post(f"{url}/transcribe", files={"audio": audio}).status_code in (200, 422)

        slope, error = growth(process, score_nothing, 64)
        assert slope - error < 0.02  # MB a text, 0.1 kB a word: 30 MB for 100,000 texts of three new words
        slope, error = growth(process, transcribe, 240)
        assert slope - error < 0.004


@pytest.mark.slow
def test_service_stays_within_50_mb_over_100_000_requests():
    """Extrapolated from the second half of 6,400 requests with three new words and a new length each."""
    rng = random.Random(2)
    with serving("--preload", "asheard-tiny") as (process, url), httpx.Client(timeout=60) as client:

        def ask(number):
            audio = recording(rng, 0.6, 4)
            fields = {"text": new_words(rng, 3)}
            route, data = ("/transcribe", {}) if number % 4 == 3 else ("/score", fields)
            assert client.post(f"{url}{route}", files={"audio": audio}, data=data).status_code in (200, 422)

        slope, error = growth(process, ask, 6_400)
    assert 100_000 * (slope + error) < 50


# Caches without a bound whose keys are few: 26 letters, and the record types of metrics.json.
FEW_KEYS = {"lexicon._letter_name", "metrics_json._record_types"}


def test_every_cache_has_a_bound_or_few_keys():
    """A cache of a function without parameters holds one value."""
    unbounded = set()
    for path in Path(asheard.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.args.args:
                decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
                if decorators & {"cache", "functools.cache", "lru_cache(maxsize=None)"}:
                    unbounded.add(f"{path.stem}.{node.name}")
    assert unbounded == FEW_KEYS
