"""Models as ONNX graphs: the same numbers, whatever the length, and the faster engine where they are the same."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from asheard.errors import ModelError
from asheard.models import (
    ASHEARD_TINY,
    EMBEDDED_BASE,
    SMALL_ENCODER,
    CTCTranscriber,
    L1AwareCTC,
    fresh_encoder,
    load_transcriber,
)
from asheard.models import onnx_export as onnx_graph
from asheard.models.onnx_export import OnnxGraph, export_onnx, prefer_faster

LENGTHS = (16_000, 30_001, 63_999)


def make(name):
    torch.manual_seed(0)
    match name:
        case "faithful":
            return CTCTranscriber(fresh_encoder(SMALL_ENCODER)).eval()
        case "l1-aware":
            return L1AwareCTC(fresh_encoder(SMALL_ENCODER)).eval()
        case "asheard-tiny":
            return load_transcriber(ASHEARD_TINY, "cpu")
    return load_transcriber(EMBEDDED_BASE, "cpu")


def waveforms():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, length).astype(np.float32) for length in LENGTHS]


@pytest.mark.parametrize("name", ["faithful", "l1-aware", "asheard-tiny", "off-the-shelf"])
def test_the_same_numbers_alone_and_in_a_batch(name, tmp_path):
    model = make(name)
    export_onnx(model, tmp_path / "graph.onnx")
    l1s = ["Hindi", None, "Arabic"] if name == "l1-aware" else [None] * 3
    sources = list(range(3)) if name == "l1-aware" else l1s
    heard = model.posteriors if hasattr(model, "posteriors") else lambda waves, _: model._hear(waves, sources)
    with torch.inference_mode():
        expected = heard(waveforms(), l1s)
        model.graph = OnnxGraph(tmp_path / "graph.onnx")
        found = heard(waveforms(), l1s)
        alone = [heard([waveform], [l1])[0] for waveform, l1 in zip(waveforms(), l1s, strict=True)]
    for one, other, single in zip(expected, found, alone, strict=True):
        np.testing.assert_allclose(other, one, atol=2e-3)
        np.testing.assert_allclose(single, one, atol=2e-3)


def test_transcripts_are_the_same(tmp_path):
    model = make("asheard-tiny")
    expected = model.transcribe(waveforms(), [None] * 3)
    export_onnx(model, tmp_path / "graph.onnx")
    model.graph = OnnxGraph(tmp_path / "graph.onnx")
    assert [one.phones for one in model.transcribe(waveforms(), [None] * 3)] == [one.phones for one in expected]


def test_several_may_be_exported_at_once(tmp_path):
    models = [make(name) for name in ("faithful", "l1-aware", "off-the-shelf")]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(export_onnx, models, [tmp_path / f"{number}.onnx" for number in range(3)]))
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(("seconds", "engine"), [((1.0, 2.0), "onnxruntime"), ((2.0, 1.0), "torch")])
def test_the_faster_engine_is_chosen(monkeypatch, seconds, engine):
    model, took = make("faithful"), iter(seconds)
    monkeypatch.setattr(onnx_graph, "_seconds", lambda *_: next(took))
    assert prefer_faster(model) == engine
    assert (model.graph is None) == (engine == "torch")
    assert not model.training


def test_an_engine_that_gives_other_numbers_is_not_taken(monkeypatch):
    model = make("faithful")
    monkeypatch.setattr(OnnxGraph, "__call__", lambda self, *inputs: CTCTranscriber.log_probs(model, *inputs) + 0.02)
    assert prefer_faster(model) == "torch"


def test_what_has_no_graph_runs_by_torch(monkeypatch, caplog):
    def fails(*_, **__):
        raise torch.onnx.errors.UnsupportedOperatorError("aten::odd", 17, None)

    monkeypatch.setattr(torch.onnx, "export", fails)
    model = make("faithful")
    assert prefer_faster(model) == "torch"
    assert "no ONNX graph of this model" in caplog.text
    assert model.graph is None


def test_recognisers_are_no_graphs(tmp_path):
    with pytest.raises(ModelError, match="only models can be written"):
        export_onnx(object(), tmp_path / "graph.onnx")
