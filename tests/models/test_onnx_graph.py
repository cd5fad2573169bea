"""Models as ONNX graphs: the same numbers, whatever the length, and the faster engine where they are the same."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from asheard.errors import ModelError
from asheard.models import SMALL_ENCODER, CTCTranscriber, L1AwareCTC, fresh_encoder, load_transcriber
from asheard.models.onnx_export import export_onnx
from asheard.recognition.registry import ASHEARD_TINY, EMBEDDED_BASE

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


def test_several_may_be_exported_at_once(tmp_path):
    models = [make(name) for name in ("faithful", "l1-aware", "off-the-shelf")]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(export_onnx, models, [tmp_path / f"{number}.onnx" for number in range(3)]))
    assert len(list(tmp_path.iterdir())) == 3


def test_recognisers_are_no_graphs(tmp_path):
    with pytest.raises(ModelError, match="only models can be written"):
        export_onnx(object(), tmp_path / "graph.onnx")
