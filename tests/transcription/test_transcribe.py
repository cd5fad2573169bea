"""Predictions from any kind of model, one row an utterance, whatever kills the call on the way."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard import transcription
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, read_predictions, write_manifest
from asheard.errors import CorpusError, ModelError
from asheard.io.audio import load_audio
from asheard.models import (
    CTCTranscriber,
    Encoder,
    L1AwareCTC,
    export_ctc,
    load_transcriber,
    save_transcriber,
)
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Recognition, Transcript
from asheard.recognition.runtime import OnnxRecogniser
from asheard.transcription import transcribe_manifest
from support.transcripts import transcripts

NUM_UTTERANCES = 70  # three chunks


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Noise of many lengths, its manifest, and a model of each kind."""
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    rows = []
    for i in range(NUM_UTTERANCES):
        samples = random.normal(0, 0.1, 2_000 + 100 * (i % 7))
        soundfile.write(folder / f"{i}.wav", samples, 16_000)
        tokens = (Token("p", "p", ErrorType.OK),)
        rows.append(Utterance(f"u{i % 35}", f"S{i // 35}", ("Hindi", "Thai")[i // 35], f"{i}.wav", None, tokens))
    write_manifest(folder / "manifest.jsonl", rows)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        conv_dim=(8,) * 7,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    encoder = Encoder(Wav2Vec2Model(config), do_normalize=True).eval()
    faithful = CTCTranscriber(encoder)
    with torch.no_grad():
        faithful.ctc_head.bias[:2] = -50.0  # noise is full of phones
    save_transcriber(faithful, folder / "faithful", {})
    export_ctc(faithful, folder / "off-the-shelf", {})
    save_transcriber(L1AwareCTC(encoder, l1s=("Hindi", "Thai")), folder / "l1-aware", {})
    return folder


@pytest.mark.parametrize(
    ("kind", "l1_given", "chain"),
    [
        ("off-the-shelf", True, "off-the-shelf"),
        ("faithful", True, "ft-l2-faithful"),
        ("faithful", False, "ft-l2-faithful"),
        ("l1-aware", True, "ft-l2-l1-encoder"),
        ("l1-aware", False, "ft-l2-l1-encoder-unknown"),
    ],
)
def test_transcribe_manifest_rows_are_in_its_order(root, tmp_path, kind, l1_given, chain):
    done = transcribe_manifest(root / kind, root / "manifest.jsonl", root, tmp_path / "out.jsonl", l1_given=l1_given)
    rows, predictions = read_manifest(root / "manifest.jsonl"), read_predictions(done.out)
    assert (done.chain, done.num_rows, done.num_resumed) == (chain, NUM_UTTERANCES, 0)
    assert [prediction.key for prediction in predictions] == [row.key for row in rows]
    assert {prediction.chain for prediction in predictions} == {chain}
    assert list(tmp_path.iterdir()) == [done.out]
    model = load_transcriber(root / kind)
    for row, prediction in list(zip(rows, predictions, strict=True))[::10]:
        (alone,) = transcripts(model, [load_audio(root, row.wav)], [row.l1 if l1_given else None])
        assert prediction.phones == alone.phones
        assert prediction.confidences == pytest.approx(alone.confidences, abs=1e-4)


def test_transcribe_manifest_with_unknown_l1(root, tmp_path):
    model = load_transcriber(root / "l1-aware")
    rows = read_manifest(root / "manifest.jsonl")
    waveforms = [load_audio(root, row.wav) for row in rows]
    for l1_given, l1s in ((True, [row.l1 for row in rows]), (False, [None] * len(rows))):
        out = tmp_path / f"{l1_given}.jsonl"
        transcribe_manifest(root / "l1-aware", root / "manifest.jsonl", root, out, l1_given=l1_given)
        expected = [transcript.phones for transcript in transcripts(model, waveforms, l1s)]
        assert [prediction.phones for prediction in read_predictions(out)] == expected


def test_transcribe_manifest_refuses_an_l1(root, tmp_path):
    rows = [Utterance("u", "S", "Korean", "0.wav", None, ())]
    write_manifest(tmp_path / "manifest.jsonl", rows)
    with pytest.raises(ModelError, match="--l1-withheld"):
        transcribe_manifest(root / "l1-aware", tmp_path / "manifest.jsonl", root, tmp_path / "out.jsonl")


@pytest.mark.parametrize("kind", ["off-the-shelf", "l1-aware"])
def test_transcribe_manifest_with_map_shards(root, tmp_path, kind):
    """In another process, which loads its own model."""
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"

    def map_shards(job, shards):
        sent = pickle.loads(pickle.dumps(job))
        transcriber = load_recogniser(sent.model)
        assert transcriber.version == sent.version
        return (sent.rows(transcriber, shard) for shard in pickle.loads(pickle.dumps(shards)))

    transcribe_manifest(root / kind, root / "manifest.jsonl", root, here)
    transcribe_manifest(root / kind, root / "manifest.jsonl", root, there, map_shards=map_shards)
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.parametrize("cut", [0, 7])
def test_transcribe_manifest_resumes(root, tmp_path, monkeypatch, cut):
    """Killed in the second batch, perhaps within its last line; only the rest is done."""
    arguments = (root / "faithful", root / "manifest.jsonl", root)
    whole = transcribe_manifest(*arguments, tmp_path / "whole.jsonl").out.read_text()
    read: list[str] = []

    def reading(wav_root, wav, **how):
        if len(read) == 40:
            raise KeyboardInterrupt
        read.append(wav)
        return load_audio(wav_root, wav, **how)

    monkeypatch.setattr(transcription, "load_audio", reading)
    out = tmp_path / "killed.jsonl"
    with pytest.raises(KeyboardInterrupt):
        transcribe_manifest(*arguments, out)
    assert not out.exists()
    (part,) = tmp_path.glob(".killed.jsonl.*.part")
    part.write_bytes(part.read_bytes()[: -cut or None])
    read.append("past the bomb")
    done = transcribe_manifest(*arguments, out)
    assert done.num_resumed == (32 if cut == 0 else 31)
    assert out.read_text() == whole
    assert len(read) == 41 + NUM_UTTERANCES - done.num_resumed


def test_transcribe_manifest_removes_rows_of_another_model(root, tmp_path, monkeypatch):
    out, chunks = tmp_path / "out.jsonl", []

    def failing(self, waveforms, l1s):
        chunks.append(len(waveforms))
        if len(chunks) == 2:
            raise KeyboardInterrupt
        return [Recognition(Transcript((), (), ()))] * len(waveforms)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(OnnxRecogniser, "recognise", failing)
        transcribe_manifest(root / "faithful", root / "manifest.jsonl", root, out)
    assert len(list(tmp_path.glob("*.part"))) == 1
    (tmp_path / ".out.jsonl.0123abcd.part.jsonl").touch()  # killed while the finished rows were written
    neighbour = tmp_path / ".out.jsonl-2.12345678.part"
    neighbour.touch()
    assert transcribe_manifest(root / "l1-aware", root / "manifest.jsonl", root, out).num_resumed == 0
    assert set(tmp_path.iterdir()) == {out, neighbour}


def test_transcribe_manifest_syncs_before_the_rename(root, tmp_path, monkeypatch):
    out, synced = tmp_path / "out.jsonl", []

    def fsync(handle):
        assert not out.exists()
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    transcribe_manifest(root / "faithful", root / "manifest.jsonl", root, out)
    assert out.stat().st_ino in synced


@pytest.mark.parametrize(
    ("wav", "message"),
    [
        (None, "has no recording"),
        ("gone.wav", "gone.wav: no such"),
        ("text.wav", "text.wav: not a recording"),
        ("long.wav", "long.wav: 3601 s long; the limit is 3600 s"),
    ],
)
def test_transcribe_manifest_names_unreadable_audio(root, tmp_path, wav, message):
    (root / "text.wav").write_text("no sound")
    soundfile.write(root / "long.wav", np.full(3_601_000, 0.1), 1_000)
    write_manifest(tmp_path / "manifest.jsonl", [Utterance("u1", "YKWK", "Hindi", wav, None, ())])
    with pytest.raises(CorpusError, match=f"utterance u1 of speaker YKWK.*{message}"):
        transcribe_manifest(root / "faithful", tmp_path / "manifest.jsonl", root, tmp_path / "out.jsonl")


def test_transcribe_manifest_counts_left_out_labels(root, tmp_path, monkeypatch):
    folder = tmp_path / "foreign"
    shutil.copytree(root / "off-the-shelf", folder)
    vocabulary = json.loads((folder / "vocab.json").read_text())
    predictions = read_predictions(
        transcribe_manifest(root / "off-the-shelf", root / "manifest.jsonl", root, tmp_path / "before.jsonl").out
    )
    common = predictions[0].phones[0]
    foreign = {"§" if label == common else label: label_id for label, label_id in vocabulary.items()}
    (folder / "vocab.json").write_text(json.dumps(foreign))
    expected = {"§ (no phone of English)": sum(row.phones.count(common) for row in predictions)}

    def failing(wav_root, wav, **how):
        if wav == "50.wav":
            raise KeyboardInterrupt
        return load_audio(wav_root, wav, **how)

    out = tmp_path / "after.v2.jsonl"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_audio", failing)
        transcribe_manifest(folder, root / "manifest.jsonl", root, out)
    done = transcribe_manifest(folder, root / "manifest.jsonl", root, out)
    assert done.num_resumed == 32
    assert done.left_out == expected
    assert json.loads((tmp_path / "after.v2.left-out.json").read_text()) == expected
    transcribe_manifest(root / "off-the-shelf", root / "manifest.jsonl", root, out)
    assert not (tmp_path / "after.v2.left-out.json").exists()
