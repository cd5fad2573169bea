"""The recogniser of hama in our own reading of its weights gives what the package gives, or one clear error."""

import json
import struct
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import hama_weights
from asheard.errors import ModelError
from asheard.models import OffTheShelf, load_transcriber, warm_start
from asheard.phones import BLANK_ID, PHONES, phone_to_id
from hama_weights import export_hama, read_archive
from support.spoken import SENTENCES, say


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    pytest.importorskip("hama")
    return export_hama(tmp_path_factory.mktemp("hama") / "base")


@pytest.fixture(scope="module")
def voices():
    """Each sentence in its own voice, in a fresh process: eSpeak NG's output depends on what it rendered before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return list(pool.map(say, SENTENCES, ("en-us", "en-us+f3", "en-us+m2")))


@torch.inference_mode()
def test_export_hama_gives_the_posteriors_of_the_package(exported, voices):
    hama = pytest.importorskip("hama").ASRModel()
    ours = load_transcriber(exported)
    assert isinstance(ours, OffTheShelf)
    assert list(ours.vocabulary.labels.values()) == hama.decoder_tokens
    noise = np.random.default_rng(0).normal(0, 0.05, 60_000).astype(np.float32)
    for clean in voices:
        for waveform in (clean, np.clip(clean + noise[: len(clean)], -1, 1)):
            given = {"waveform": waveform[None], "waveform_lengths": np.array([len(waveform)])}
            ((theirs,), (num_frames,)) = hama.session.run(["log_probs", "out_lengths"], given)
            assert num_frames == ours.encoder.num_frames(torch.tensor(len(waveform)))
            logits = ours.model.lm_head(ours.encoder(torch.from_numpy(waveform)[None]))
            log_probs = logits.log_softmax(-1)[0].numpy()
            assert np.array_equal(log_probs.argmax(-1), theirs[:num_frames].argmax(-1))
            apart = np.abs(log_probs - theirs[:num_frames]).max(1)
            assert np.quantile(apart, 0.9) < 0.02
            assert apart.max() < 0.5  # rounding, in single frames where one phone turns into the next


def test_warm_start_takes_rows_of_the_exported_head(exported):
    vocabulary = json.loads((exported / "vocab.json").read_text(encoding="utf-8"))
    published = OffTheShelf(exported).model.lm_head
    head = nn.Linear(published.in_features, 42)
    fresh = head.weight.clone()
    assert warm_start(head, exported)
    assert_close(head.weight[BLANK_ID], published.weight[vocabulary["<blank>"]])
    for phone in ("s", "θ", "æ", "i"):
        assert_close(head.weight[phone_to_id(phone)], published.weight[vocabulary[phone]])
        assert_close(head.bias[phone_to_id(phone)], published.bias[vocabulary[phone]])
    changed = (head.weight != fresh).any(1)
    assert changed[[phone_to_id(phone) for phone in PHONES]].sum() >= 36


def archive_of(tensors):
    """A `.hama` archive as its format is described."""
    table, data = b"", b""
    for name, values in tensors.items():
        kind = {"float32": 0, "float16": 1}[values.dtype.name]
        table += struct.pack("<H", len(name.encode())) + name.encode() + struct.pack("<BB", kind, values.ndim)
        table += struct.pack(f"<{values.ndim}I", *values.shape) + struct.pack("<QQ", len(data), values.nbytes)
        data += values.tobytes()
    head = b"HAMAPK\x01\x00" + struct.pack("<I", len(tensors)) + table
    return head + bytes(-len(head) % 16) + data


TENSORS = {
    "mel_fb": np.random.default_rng(0).random((201, 80)).astype(np.float32),
    "onnx::MatMul_7": np.arange(6, dtype=np.float16).reshape(2, 3),
    "ε": np.array(2.5, np.float32),
}


@pytest.mark.parametrize("names", [list(TENSORS)[:count] for count in range(4)])
def test_read_archive_in_single_precision(names):
    tensors = {name: TENSORS[name] for name in names}
    read = read_archive(archive_of(tensors))
    assert read.keys() == tensors.keys()
    for name, values in tensors.items():
        assert_close(read[name], torch.from_numpy(values.astype(np.float32)).reshape(values.shape), atol=0, rtol=0)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Put an archive in the place of hama's."""
    package = SimpleNamespace(ASRModel=lambda: SimpleNamespace(decoder_tokens=["s", "<blank>"]))
    monkeypatch.setattr(hama_weights, "optional_package", lambda *_: package)
    monkeypatch.setattr(hama_weights, "files", lambda _: tmp_path)
    return (tmp_path / "asr_waveform.hama").write_bytes


WHOLE = archive_of(TENSORS)


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (b"GARBLE" + WHOLE[6:], "not a HAMAPK archive"),
        (b"", "not a HAMAPK archive"),
        (WHOLE[:9], "unpack_from requires"),
        (WHOLE[:20], "unpack_from requires|decode"),
        (WHOLE[:-4], "buffer"),
        (WHOLE, "zip"),
        (WHOLE.replace(b"MatMul_7", b"MatMul_x"), "invalid literal"),
        (WHOLE[:20] + b"\x09" + WHOLE[21:], "9"),
    ],
)
def test_export_hama_refuses_a_damaged_archive(install, tmp_path, archive, reason):
    install(archive)
    with pytest.raises(ModelError, match=rf"hama has another recogniser than 1.7.0 \(.*{reason}.*install hama==1.7.0"):
        export_hama(tmp_path / "base")
    assert not (tmp_path / "base").exists()


def test_export_hama_refuses_another_version(install, tmp_path):
    with pytest.raises(ModelError, match=r"asr_waveform.hama.*install hama==1.7.0"):
        export_hama(tmp_path / "base")


def test_export_hama_names_the_missing_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "hama", None)
    with pytest.raises(ModelError, match=r"hama is not installed; pip install 'asheard\[recognisers\]'"):
        export_hama(tmp_path)
