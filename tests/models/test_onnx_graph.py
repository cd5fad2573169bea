"""Models as ONNX graphs: ONNX Runtime gives what PyTorch gives, whatever the length."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from asheard.errors import ModelError
from asheard.io.audio import load_audio
from asheard.models import (
    SMALL_ENCODER,
    CTCTranscriber,
    L1AwareCTC,
    export_ctc,
    fresh_encoder,
    load_transcriber,
    save_transcriber,
)
from asheard.models import folder as folders
from asheard.models.onnx_export import export_onnx
from asheard.recognition.load import load_recogniser
from asheard.recognition.registry import SHIPPED
from asheard.recognition.runtime import GRAPH, OnnxRecogniser
from support.spoken import SENTENCES, say

LENGTHS = (0, 399, 400, 401, 561, 16_000, 30_001, 63_999, 31 * 16_000)
L1S = ["Hindi", None, "Arabic", None, "Hindi", "Korean", None, "Spanish", None]


def noise():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, length).astype(np.float32) for length in LENGTHS]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Folders of a faithful, an L1-aware and a published model, with random weights."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    encoder = fresh_encoder(SMALL_ENCODER | {"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 64})
    faithful = CTCTranscriber(encoder).eval()
    save_transcriber(faithful, root / "faithful", {})
    save_transcriber(L1AwareCTC(encoder).eval(), root / "l1-aware", {})
    export_ctc(faithful, root / "off-the-shelf", {})
    return root


def assert_same(found, expected):
    """Same phones and times; posteriors as near as single precision allows.

    On real speech PyTorch itself is up to 1e-3 nats from double precision, in a few frames.
    """
    for one, other in zip(found, expected, strict=True):
        assert one.transcript.phones == other.transcript.phones
        assert one.transcript.times_s == other.transcript.times_s
        if other.posteriors is not None and len(other.posteriors.log_probs):
            mine, theirs = one.posteriors.log_probs, other.posteriors.log_probs
            assert mine.shape == theirs.shape
            apart = np.abs(mine - theirs)
            assert np.median(apart) < 1e-5
            assert np.quantile(apart, 0.99) < 1e-4 or apart.max() < 1e-3
            assert np.abs(np.exp(mine) - np.exp(theirs)).max() < 1e-3


@pytest.mark.parametrize("kind", ["faithful", "l1-aware", "off-the-shelf"])
def test_graph_of_a_saved_model_agrees_with_torch(trained, kind):
    graph, model = load_recogniser(trained / kind), load_transcriber(trained / kind, "cpu")
    assert (graph.engine, model.engine) == ("onnxruntime", "torch")
    assert (graph.kind, graph.l1s, graph.frame_s) == (model.kind, model.l1s, model.frame_s)
    assert (graph.gives_posteriors, graph.version) == (model.gives_posteriors, model.version)
    l1s = L1S if graph.l1s else [None] * len(LENGTHS)
    assert_same(graph.recognise(noise(), l1s), model.recognise(noise(), l1s))


@pytest.mark.parametrize("name", SHIPPED)
def test_graph_that_ships_agrees_with_the_weights(name):
    graph, model = load_recogniser(name), load_transcriber(SHIPPED[name], "cpu")
    speech = [say(sentence) for sentence in SENTENCES]
    for waveforms in (speech, noise()):
        unknown = [None] * len(waveforms)
        assert_same(graph.recognise(waveforms, unknown), model.recognise(waveforms, unknown))


@pytest.mark.shared
@pytest.mark.parametrize("name", SHIPPED)
def test_graph_that_ships_agrees_on_real_speech(name, real_data):
    wavs = sorted((real_data / "l2arctic-clips").rglob("*.flac"))[::9]
    if not wavs:
        pytest.skip(f"no l2arctic-clips under {real_data}")
    waveforms = [load_audio(wav.parent, wav.name) for wav in wavs]
    graph, model = load_recogniser(name, threads=2), load_transcriber(SHIPPED[name], "cpu")
    unknown = [None] * len(wavs)
    assert_same(graph.recognise(waveforms, unknown), model.recognise(waveforms, unknown))


def test_recognise_does_not_depend_on_threads_or_neighbours(trained):
    l1s = L1S
    alone = OnnxRecogniser(trained / "l1-aware")
    expected = [alone.recognise([waveform], [l1])[0] for waveform, l1 in zip(noise(), l1s, strict=True)]
    found = OnnxRecogniser(trained / "l1-aware", threads=3).recognise(noise(), l1s)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.posteriors.log_probs, other.posteriors.log_probs)
        assert one.transcript == other.transcript


def test_graph_holds_no_weights(trained):
    """They are read from the safetensors files."""
    folder = trained / "faithful"
    assert (folder / GRAPH).stat().st_size < 0.5 * (folder / "model.safetensors").stat().st_size


def test_recognise_refuses_an_unknown_l1(trained):
    with pytest.raises(ModelError, match=r"Arabic, Chinese.*not 'Thai'; use --l1-withheld"):
        load_recogniser(trained / "l1-aware").recognise(noise()[-2:-1], ["Thai"])


def test_graph_refuses_weights_of_another_model(trained, tmp_path):
    shutil.copytree(trained / "faithful", tmp_path / "mixed")
    shutil.copy(trained / "off-the-shelf" / "model.safetensors", tmp_path / "mixed")
    with pytest.raises(ModelError, match=r"made for other weights than model.safetensors; delete it|cannot be loaded"):
        load_recogniser(tmp_path / "mixed")


@pytest.mark.parametrize("name", ["model.safetensors", "card.json", GRAPH])
def test_graph_of_an_incomplete_folder(trained, tmp_path, name):
    shutil.copytree(trained / "faithful", tmp_path / "part")
    (tmp_path / "part" / name).write_bytes(b"")
    with pytest.raises(ModelError, match=r"copy the whole (model )?folder again"):
        load_recogniser(tmp_path / "part")


def test_save_transcriber_without_a_graph_warns(tmp_path, monkeypatch, caplog):
    def fails(*_, **__):
        raise torch.onnx.errors.UnsupportedOperatorError("aten::odd", 17, None)

    monkeypatch.setattr(torch.onnx, "export", fails)
    model = CTCTranscriber(fresh_encoder(SMALL_ENCODER | {"num_hidden_layers": 1})).eval()
    folder = save_transcriber(model, tmp_path / "final", {})
    assert "no ONNX graph of this model" in caplog.text
    assert load_recogniser(folder).engine == "torch"


def test_save_transcriber_of_a_large_model_writes_no_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MAX_GRAPH_PARAMETERS", 1000)
    model = CTCTranscriber(fresh_encoder(SMALL_ENCODER | {"num_hidden_layers": 1})).eval()
    assert load_recogniser(save_transcriber(model, tmp_path / "final", {})).engine == "torch"


def test_write_graph_draws_no_random_numbers(tmp_path, monkeypatch):
    model = CTCTranscriber(fresh_encoder(SMALL_ENCODER | {"num_hidden_layers": 1})).eval()
    torch.manual_seed(1)
    save_transcriber(model, tmp_path / "final", {})
    drawn = torch.rand(3)
    torch.manual_seed(1)
    monkeypatch.setattr(folders, "_add_graph", lambda folder: None)
    save_transcriber(model, tmp_path / "other", {})
    assert torch.equal(drawn, torch.rand(3))


def test_export_onnx_to_one_file(trained, tmp_path):
    """With its weights, for rows padded to one length."""
    model = load_transcriber(trained / "faithful", "cpu")
    export_onnx(model, tmp_path / "graph.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "graph.onnx"))
    rows, num_samples = torch.randn(2, 16_000) * 0.1, torch.tensor([16_000, 16_000])
    (found,) = session.run(None, {"waveforms": rows.numpy(), "num_samples": num_samples.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(found, model.log_probs(rows, num_samples), rtol=0, atol=1e-4)


def test_export_onnx_in_several_threads(trained, tmp_path):
    models = [load_transcriber(trained / kind, "cpu") for kind in ("faithful", "l1-aware", "off-the-shelf")]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(export_onnx, models, [tmp_path / f"{number}.onnx" for number in range(3)]))
    assert len(list(tmp_path.iterdir())) == 3


def test_export_onnx_refuses_external_recognisers(tmp_path):
    with pytest.raises(ModelError, match="only models can be written"):
        export_onnx(object(), tmp_path / "graph.onnx")
