"""Recordings a second of one process, and of two at the same time on the same cores, beside hama and transformers.

    python benchmarks/bench_inference.py [--recordings 50]

Each row is a variant: one program and model that transcribe the same recordings (2 to 6 s of eSpeak NG). The variants:

- asheard-tiny and embedded-base by ONNX Runtime, one recording after the other;
- the embedded base by PyTorch, as AsHeard runs it (one thread);
- hama, as AsHeard runs it, and as its package does (`hama.ASRModel()`);
- `transformers.pipeline` with its defaults, over the embedded base.

Every variant is measured in processes of its own: first one, then two that start together. "slowdown" is the time of
the two, divided by the time of the one; 1.0 means that they do not disturb each other. The target for AsHeard is 1.3.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones.espeak import Voice, render_phonemes
from asheard.recognition.load import load_recogniser
from asheard.recognition.registry import EMBEDDED_BASE

WORDS: Final = "D@ m'u:n Iz b'Ig and wi: s'i: It 'OlweIz"
TARGET: Final = 1.3  # slowdown of AsHeard's own variants

Waveforms = list[NDArray[np.float32]]


def main() -> None:
    """Measure all variants and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recordings", type=int, default=50)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.variant:
        work(args.variant, args.recordings)
        return
    seconds = sum(map(len, make_recordings(args.recordings))) / SAMPLE_RATE_HZ
    print(f"{args.recordings} recordings, {seconds:.0f} s of speech, {os.cpu_count()} cores")
    print(f"{'variant':<28} {'recordings/s alone':>19} {'each of two':>12} {'slowdown':>9}")
    for variant in VARIANTS:
        try:
            (alone,), two = run(variant, 1, args.recordings), run(variant, 2, args.recordings)
        except subprocess.CalledProcessError as error:
            print(f"{variant:<28} not measured: {error.stderr.strip().splitlines()[-1]}")
            continue
        busy = max(two)
        mark = f" > {TARGET}" if variant in OURS and busy / alone > TARGET else ""
        print(
            f"{variant:<28} {args.recordings / alone:>19.1f} {args.recordings / busy:>12.1f} {busy / alone:>9.2f}{mark}"
        )


def run(variant: str, number: int, num_recordings: int) -> list[float]:
    """Transcribe in several processes that start together. Return the seconds that each took.

    A process loads the model, transcribes one recording, says that it is ready, and waits for a line to start.
    """
    command = [sys.executable, __file__, "--variant", variant, "--recordings", str(num_recordings)]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(number)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("start\n")
        process.stdin.flush()
    took = []
    for process in processes:
        output, errors = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, output, errors)
        took.append(json.loads(output)["seconds"])
    return took


def work(variant: str, num_recordings: int) -> None:
    """Be one of the processes of `run`."""
    recordings = make_recordings(num_recordings)
    transcribe = VARIANTS[variant]()
    transcribe(recordings[:1])
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for recording in recordings:
        transcribe([recording])
    print(json.dumps({"seconds": time.perf_counter() - started}))


def make_recordings(number: int) -> Waveforms:
    """Recordings of 2 to 6 s, the same in every process."""
    recordings = []
    for seed in range(number):
        speech = render_phonemes(WORDS, Voice("en-us"), seed=seed)
        samples = soxr.resample(speech.samples.astype(np.float32) / 2**15, speech.sample_rate_hz, SAMPLE_RATE_HZ)
        length = round((2 + 4 * (seed * 7 % 10) / 9) * SAMPLE_RATE_HZ)
        recordings.append(np.resize(samples, length).astype(np.float32))
    return recordings


def by_name(name: str) -> Callable[[Waveforms], Any]:
    """A recogniser as AsHeard loads it."""
    recogniser = load_recogniser(name)
    return lambda recordings: recogniser.recognise(recordings, [None] * len(recordings))


def by_torch() -> Callable[[Waveforms], Any]:
    """The embedded base in PyTorch, with one thread."""
    from asheard.models import load_transcriber

    model = load_transcriber(EMBEDDED_BASE, "cpu", threads=1)
    return lambda recordings: model.recognise(recordings, [None] * len(recordings))


def by_hama_package() -> Callable[[Waveforms], Any]:
    """hama, as its package runs it."""
    import hama

    model = hama.ASRModel()
    return lambda recordings: [model(recording, SAMPLE_RATE_HZ) for recording in recordings]


def by_pipeline() -> Callable[[Waveforms], Any]:
    """The embedded base in `transformers.pipeline`, with its defaults."""
    import transformers

    model = transformers.AutoModelForCTC.from_pretrained(EMBEDDED_BASE)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(EMBEDDED_BASE)
    tokenizer = transformers.Wav2Vec2CTCTokenizer(
        str(EMBEDDED_BASE / "vocab.json"), pad_token="<pad>", unk_token="<unk>", word_delimiter_token=None
    )
    recognise = transformers.pipeline(
        "automatic-speech-recognition", model=model, feature_extractor=extractor, tokenizer=tokenizer, device="cpu"
    )
    return lambda recordings: [recognise(recording) for recording in recordings]


VARIANTS: Final[dict[str, Callable[[], Callable[[Waveforms], Any]]]] = {
    "asheard-tiny": lambda: by_name("asheard-tiny"),
    "embedded-base": lambda: by_name("embedded-base"),
    "embedded-base by PyTorch": by_torch,
    "hama in AsHeard": lambda: by_name("hama"),
    "hama's package": by_hama_package,
    "transformers.pipeline": by_pipeline,
}
OURS: Final = ("asheard-tiny", "embedded-base", "embedded-base by PyTorch")


if __name__ == "__main__":
    main()
