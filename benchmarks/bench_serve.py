"""The service beside a service around `transformers.pipeline`: requests a second and latency, same model, same run.

    python benchmarks/bench_serve.py [--seconds 10]

The peer is what one writes in ten lines: FastAPI, a route in the thread pool, soundfile, and the pipeline
"automatic-speech-recognition" on the same folder. Both are processes behind uvicorn; clients send recordings of 2 to
6 s over loopback, one after the other each, by turns to one service and the other. Two models: the embedded base, and
wav2vec2-large with random weights, where arithmetic is all that counts. A round ends when the last request is answered:
on two cores a large model needs a second for each client.
"""

import argparse
import http.client
import io
import itertools
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
import numpy as np
import soundfile
import soxr
import torch
import transformers
from rich.console import Console
from rich.table import Table

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones import PHONES
from asheard.phones.espeak import Voice, render_phonemes
from asheard.recognition.registry import EMBEDDED_BASE

NUM_RECORDINGS: Final = 32
MODELS: Final = {"embedded base (1.4 M)": (1, 16), "wav2vec2-large (315 M, random)": (1, 4)}  # numbers of clients
ROUNDS: Final = 2


def main() -> None:
    """Serve both, send requests to both, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of one round")
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        serve_peer(args.peer, args.port)
        return
    recordings = make_recordings()
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "wav2vec2-large"
        save_large(large)
        table = Table("model", "clients", "service", "requests/s", "p50 ms", "p95 ms", "ratio", box=None)
        for (name, clients), model in zip(MODELS.items(), (EMBEDDED_BASE, large), strict=True):
            log(f"{name}: starting both services")
            with serving_ours(model, Path(folder)) as ours, serving_peer(model) as peer:
                for num_clients in clients:
                    compare(table, name, num_clients, {"asheard": ours, "pipeline": peer}, recordings, args.seconds)
    Console(width=110).print(table)


def log(message: str) -> None:
    """Print what is being done to stderr."""
    print(message, file=sys.stderr, flush=True)


def compare(
    table: Table, model: str, num_clients: int, urls: dict[str, str], recordings: list[bytes], seconds: float
) -> None:
    """Send requests to the services by turns; add a row each, with the ratio of requests a second."""
    latencies: dict[str, list[float]] = {name: [] for name in urls}
    elapsed = dict.fromkeys(urls, 0.0)
    for url in urls.values():
        ask(url, num_clients, recordings, 1.0)  # warm
    for number in range(1, ROUNDS + 1):
        for name, url in urls.items():
            started = time.perf_counter()
            answered = ask(url, num_clients, recordings, seconds)
            took = time.perf_counter() - started
            rate = len(answered) / took
            log(f"{model}, {num_clients} clients, round {number} of {ROUNDS}, {name}: {rate:.1f} requests/s")
            latencies[name] += answered
            elapsed[name] += took
    rates = {name: len(latencies[name]) / elapsed[name] for name in urls}
    for name in urls:
        middle, late = np.percentile(latencies[name], [50, 95]) * 1000
        ratio = f"{rates['asheard'] / rates['pipeline']:.2f}" if name == "asheard" else ""
        table.add_row(model, str(num_clients), name, f"{rates[name]:.1f}", f"{middle:.0f}", f"{late:.0f}", ratio)


def ask(url: str, num_clients: int, recordings: list[bytes], seconds: float) -> list[float]:
    """Return the seconds of each request. Each client sends the next request when it has an answer."""

    def one(number: int) -> list[float]:
        took = []
        connection = http.client.HTTPConnection(urlsplit(url).netloc)  # cheaper than httpx: the load is not the service
        for turn in itertools.count():
            started = time.perf_counter()
            if started > ends:
                break
            request = requests[(number + turn * num_clients) % len(requests)]
            connection.request("POST", request.url.raw_path.decode(), request.content, dict(request.headers))
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"{url}: {answer.status} {answer.read().decode()}")
            answer.read()
            took.append(time.perf_counter() - started)
        connection.close()
        return took

    data = {"model": "model"}
    requests = [httpx.Request("POST", url, files={"audio": audio}, data=data) for audio in recordings]
    for request in requests:
        request.read()
    ends = time.perf_counter() + seconds

    with ThreadPoolExecutor(num_clients) as pool:
        return [latency for latencies in pool.map(one, range(num_clients)) for latency in latencies]


def make_recordings() -> list[bytes]:
    """WAV files at 16 kHz, 2 to 6 s."""
    rng = np.random.default_rng(0)
    recordings = []
    for seed in range(NUM_RECORDINGS):
        speech = render_phonemes("D@ m'u:n Iz b'Ig and wi: s'i: It 'OlweIz", Voice("en-us"), seed=seed)
        at_16_khz = soxr.resample(np.tile(speech.samples / 2**15, 3), speech.sample_rate_hz, SAMPLE_RATE_HZ)
        samples = at_16_khz[: int(rng.uniform(2, 6) * SAMPLE_RATE_HZ)]
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE_HZ, format="WAV")
        recordings.append(file.getvalue())
    return recordings


def save_large(folder: Path) -> None:
    """wav2vec2-large as published, with random weights and our phones as its labels."""
    torch.manual_seed(0)
    labels = ["<pad>", "<s>", "</s>", "<unk>", *PHONES]
    config = transformers.Wav2Vec2Config(
        vocab_size=len(labels), pad_token_id=0, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        intermediate_size=4096, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True,
    )  # fmt: skip
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({label: index for index, label in enumerate(labels)}))
    shutil.copy(EMBEDDED_BASE / "preprocessor_config.json", folder)


def serve_peer(folder: Path, port: int) -> None:
    """The pipeline behind FastAPI."""
    import uvicorn
    from fastapi import FastAPI, File, UploadFile

    vocabulary = json.loads((folder / "vocab.json").read_text())
    tokenizer = transformers.Wav2Vec2CTCTokenizer(
        str(folder / "vocab.json"), pad_token="<pad>", unk_token=next(iter(vocabulary)), word_delimiter_token=None
    )
    pipeline = transformers.pipeline(
        "automatic-speech-recognition",
        model=transformers.AutoModelForCTC.from_pretrained(folder),
        feature_extractor=transformers.AutoFeatureExtractor.from_pretrained(folder),
        tokenizer=tokenizer,
    )
    app = FastAPI()

    @app.post("/transcribe")
    def transcribe(audio: Annotated[UploadFile, File()]) -> dict[str, str]:
        samples, rate_hz = soundfile.read(audio.file, dtype="float32")
        return {"text": pipeline({"raw": samples, "sampling_rate": rate_hz})["text"]}

    uvicorn.run(app, port=port, log_level="warning")


@contextmanager
def serving_ours(model: Path, folder: Path) -> Iterator[str]:
    """Start our service with the model loaded."""
    registry = folder / "bench.toml"
    registry.write_text(f'[transcribers.model]\nkind = "hub"\nid = "{model}"\n')
    options = ["--registry", str(registry), "--preload", "model"]
    with serving([sys.executable, "-m", "asheard", "serve", *options]) as url:
        yield url


@contextmanager
def serving_peer(model: Path) -> Iterator[str]:
    """Start the service of the pipeline."""
    with serving([sys.executable, __file__, "--peer", str(model)]) as url:
        yield url


@contextmanager
def serving(command: list[str]) -> Iterator[str]:
    """A process that listens on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.ConnectError:
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended with {process.returncode}") from None
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/transcribe"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
