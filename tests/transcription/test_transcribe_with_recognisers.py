"""`transcribe` with other people's recognisers: named, resumed, ranked, and without torch."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asheard import transcription
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, read_predictions, write_manifest
from asheard.errors import ModelError
from asheard.evaluation import ChainRun, Context, evaluate_runs
from asheard.transcription import transcribe_manifest

NUM_UTTERANCES = 40  # two chunks
# Writes one phone a tenth of a second, and notes that it was called.
PROGRAM = """
import io, sys, wave
wav = wave.open(io.BytesIO(sys.stdin.buffer.read()))
with open(sys.argv[1], "a") as calls:
    calls.write(".")
print("K " * (wav.getnframes() // 1600) + "+NSN+")
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Noise, its manifest, and a program that recognises a k in it."""
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    rows = []
    for i in range(NUM_UTTERANCES):
        soundfile.write(folder / f"{i}.wav", random.normal(0, 0.1, 1_600 * (1 + i % 3)), 16_000)
        rows.append(Utterance(f"u{i}", "S", "Thai", f"{i}.wav", None, (Token("k", "t", ErrorType.SUBSTITUTION),)))
    write_manifest(folder / "manifest.jsonl", rows)
    (folder / "program.py").write_text(PROGRAM)
    return folder


def command(root: Path, calls: Path) -> str:
    return "command:" + shlex.join([sys.executable, "-S", str(root / "program.py"), str(calls)])


def test_transcribe_with_a_command_resumes(root, tmp_path, monkeypatch):
    out, calls = tmp_path / "out.jsonl", tmp_path / "calls"
    load = transcription.load_audio

    def failing(wav_root, wav, **how):
        if wav == "35.wav":
            raise KeyboardInterrupt
        return load(wav_root, wav, **how)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_audio", failing)
        transcribe_manifest(command(root, calls), root / "manifest.jsonl", root, out)
    calls.unlink()  # or it would be a file of the command that changed
    done = transcribe_manifest(command(root, calls), root / "manifest.jsonl", root, out)
    assert (done.chain, done.num_rows, done.num_resumed) == (Path(sys.executable).name, NUM_UTTERANCES, 32)
    assert calls.read_text() == "." * (NUM_UTTERANCES - 32)
    assert [row.phones for row in read_predictions(out)] == [("k",) * (1 + i % 3) for i in range(NUM_UTTERANCES)]
    assert done.left_out == {"+NSN+ (a noise)": NUM_UTTERANCES}
    assert json.loads((tmp_path / "out.left-out.json").read_text()) == done.left_out


def test_transcribe_with_another_command_starts_anew(root, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    rows = []

    def failing(wav_root, wav, **how):
        rows.append(wav)
        if len(rows) == 36:
            raise KeyboardInterrupt
        return np.zeros(1_600, np.float32)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_audio", failing)
        transcribe_manifest("command:echo K", root / "manifest.jsonl", root, out)
    assert transcribe_manifest("command:echo T", root / "manifest.jsonl", root, out).num_resumed == 0
    assert {row.phones for row in read_predictions(out)} == {("t",)}


def test_transcribe_with_a_failing_command(root, tmp_path):
    with pytest.raises(ModelError, match="exit code 1"):
        transcribe_manifest("command:false", root / "manifest.jsonl", root, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_transcribe_with_recognisers_without_torch(root, tmp_path):
    check = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(name, path, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'transformers'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent)\n"
        "from pathlib import Path\n"
        "from asheard.transcription import transcribe_manifest\n"
        f"root = Path({str(root)!r})\n"
        f"transcribe_manifest('command:echo K', root / 'manifest.jsonl', root, Path({str(tmp_path / 'out.jsonl')!r}))\n"
        f"transcribe_manifest('a/model', root / 'manifest.jsonl', root, Path({str(tmp_path / 'model.jsonl')!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (tmp_path / "out.jsonl").is_file()
    assert "ModelError: the package torch is not installed; pip install 'asheard[train]'" in done.stderr


def test_evaluate_ranks_recognisers(root, tmp_path):
    """One recogniser writes the canonical k, the other the t that was said."""
    runs = []
    for chain, line in (("deaf", "command:echo K"), ("faithful", "command:echo T")):
        done = transcribe_manifest(line, root / "manifest.jsonl", root, tmp_path / f"{chain}.jsonl", chain=chain)
        runs.append(ChainRun(chain=done.chain, predictions=read_predictions(done.out)))
    gold = read_manifest(root / "manifest.jsonl")
    metrics = evaluate_runs(gold, runs, out=tmp_path, context=Context(corpus="noise", split="all")).metrics.chains
    assert {chain: metrics[chain].pooled.collapse for chain in metrics} == {"deaf": 1.0, "faithful": 0.0}


def test_transcribe_command_names_left_out_labels(root, tmp_path):
    arguments = ["--manifest", root / "manifest.jsonl", "--wav-root", root, "--out", tmp_path / "out.jsonl"]
    line = [sys.executable, "-m", "asheard", "transcribe", "--model", "command:echo K +NSN+", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2  # noise is no speech
    said = " ".join(done.stdout.split())
    assert f"{NUM_UTTERANCES} utterances by echo" in said
    assert f"labels that stand for no phone, left out: +NSN+ (a noise) {NUM_UTTERANCES}" in said
    line[line.index("--model") + 1] = "command:no-such-program"
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: command 'no-such-program': no program 'no-such-program'")


@pytest.mark.parametrize("name", ["hama", "pocketsphinx"])
def test_transcribe_with_packages(root, tmp_path, name):
    pytest.importorskip(name)
    done = transcribe_manifest(name, root / "manifest.jsonl", root, tmp_path / "out.jsonl")
    rows = read_predictions(done.out)
    assert (done.chain, len(rows)) == (name, NUM_UTTERANCES)
    assert all(row.times_s is not None and len(row.times_s) == len(row.phones) for row in rows)
