"""hama and pocketsphinx decode as their own packages do, independent of earlier recordings."""

import sys

import numpy as np
import pytest

from asheard.corpora.table import read_gold
from asheard.errors import ModelError
from asheard.io.audio import load_audio
from asheard.phones import PHONES, fold_sequence
from asheard.recognition.external.hama import SPECIAL_LABELS, Hama
from asheard.recognition.external.pocketsphinx import PocketSphinx
from asheard.recognition.load import load_recogniser
from support.spoken import SENTENCES, say

PACKAGES = ("hama", "pocketsphinx")


@pytest.fixture(params=PACKAGES)
def recogniser(request):
    pytest.importorskip(request.param)
    return load_recogniser(request.param)


@pytest.fixture(scope="module")
def sentences():
    return [say(sentence) for sentence in SENTENCES]


def test_recognise_depends_on_its_own_recording_only(recogniser, sentences):
    together = recogniser.recognise(sentences, [None] * 3)
    assert recogniser.recognise(sentences[::-1], [None] * 3) == together[::-1]
    assert load_recogniser(recogniser.kind).recognise(sentences[1:2], ["Hindi"]) == together[1:2]


def test_recognise_times_are_in_order(recogniser, sentences):
    for waveform, recognition in zip(sentences, recogniser.recognise(sentences, [None] * 3), strict=True):
        transcript = recognition.transcript
        assert set(transcript.phones) <= set(PHONES)
        assert len(transcript.phones) == len(transcript.times_s) > 5
        edges = np.array(transcript.times_s).ravel()
        assert (np.diff(edges) >= 0).all()
        assert 0 <= edges[0] < edges[-1] <= len(waveform) / 16_000 + 0.02


@pytest.mark.parametrize("num_samples", [0, 1, 399, 400, 700])
def test_recognise_short_recordings(recogniser, num_samples):
    (recognition,) = recogniser.recognise([np.full(num_samples, 0.01, np.float32)], [None])
    assert len(recognition.transcript.phones) <= 1


def test_hama_equals_the_package(sentences):
    """Also in noise, in which the bias against the blank matters."""
    hama = pytest.importorskip("hama")
    theirs, ours = hama.ASRModel(), Hama()
    noise = np.random.default_rng(0).normal(0, 1, max(map(len, sentences))).astype(np.float32)
    noisy = [
        np.clip(waveform + level * noise[: len(waveform)], -1, 1)
        for waveform in sentences
        for level in (0.03, 0.06, 0.1, 0.15)
    ]
    plain = hama.ASRModel(decode=hama.ASRDecodeConfig(blank_bias=0.0))
    assert any(plain(waveform, 16_000).phonemes != theirs(waveform, 16_000).phonemes for waveform in noisy)
    for waveform in (*sentences, *noisy):
        result = theirs(waveform, 16_000)
        labels = [label for label in result.phonemes if label not in SPECIAL_LABELS]
        transcript = ours.transcribe(waveform)
        assert list(transcript.phones) == fold_sequence(labels, "ipa")
        spans = [span for span in theirs.phoneme_spans(result) if span.phoneme not in SPECIAL_LABELS]
        assert [start for start, _ in transcript.times_s] == pytest.approx([span.start_ms / 1000 for span in spans])
        assert all(0 < confidence <= 1 for confidence in transcript.confidences)
        assert np.mean(transcript.confidences) > 0.3


def test_pocketsphinx_equals_a_new_decoder(sentences):
    """The reference takes a new decoder for each sentence."""
    pocketsphinx = pytest.importorskip("pocketsphinx")
    ours = PocketSphinx()
    for waveform in sentences:
        model = pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin")
        theirs = pocketsphinx.Decoder(allphone=model, lw=2.0, pip=0.3, beam=1e-200, pbeam=1e-20, loglevel="FATAL")
        theirs.start_utt()
        theirs.process_raw(np.rint(waveform * 2**15).astype(np.int16).tobytes(), full_utt=True)
        theirs.end_utt()
        segments = [segment for segment in theirs.seg() if segment.word not in {"SIL", "+NSN+", "+SPN+"}]
        transcript = ours.transcribe(waveform)
        assert list(transcript.phones) == fold_sequence([segment.word for segment in segments], "arpabet")
        assert [start for start, _ in transcript.times_s] == pytest.approx([s.start_frame / 100 for s in segments])
        assert transcript.confidences is None


@pytest.mark.parametrize("name", PACKAGES)
def test_load_recogniser_without_the_package(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match=rf"{name} is not installed; pip install 'asheard\[recognisers\]'"):
        load_recogniser(name)


def test_hama_on_a_platform_without_an_engine(monkeypatch):
    hama = pytest.importorskip("hama")
    monkeypatch.setattr(hama._engine, "_LIB", None)
    with pytest.raises(ModelError, match=r"libhama not available; its engine is built for Linux and macOS"):
        Hama()


@pytest.mark.shared
def test_recognise_learners(recogniser, real_data):
    """PER against what was produced, 32% and 62% over all clips, stays well below that of chance."""
    kaldialign = pytest.importorskip("kaldialign")
    clips = real_data / "l2arctic-clips"
    if not clips.is_dir():
        pytest.skip(f"no l2arctic-clips under {real_data}")
    rows = read_gold(clips / "gold.jsonl")[::30]
    waveforms = [load_audio(clips, row.wav) for row in rows]
    recognitions = recogniser.recognise(waveforms, [None] * len(rows))
    edits = sum(
        kaldialign.edit_distance(row.produced, one.transcript.phones)["total"]
        for row, one in zip(rows, recognitions, strict=True)
    )
    assert edits / sum(len(row.produced) for row in rows) < {"hama": 0.5, "pocketsphinx": 0.8}[recogniser.kind]
