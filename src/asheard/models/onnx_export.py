"""Write the forward pass of our models as ONNX graphs, which run without torch (`asheard.recognition.runtime`)."""

import json
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.digests import bytes_digest
from asheard.io.files import whole_file
from asheard.models.recogniser import TorchRecogniser
from asheard.recognition.protocol import Recogniser
from asheard.recognition.runtime import (
    FRAME_SAMPLES,
    GRAPH,
    LAYOUTS,
    MIN_SAMPLES,
    UNKNOWN_L1,
    OnnxRecogniser,
    layout_digest,
)

MAX_DIFFERENCE: Final = 1e-3  # of a posterior, between PyTorch and ONNX Runtime; rounding makes up to 3e-4
_EXAMPLE_SAMPLES: Final = 48_000  # 3 s, about an utterance
_TRIAL_SAMPLES: Final = (400, 16_000, 48_001, 160_000)
_INPUTS: Final = ("waveforms", "num_samples", "l1_ids")
_EXPORTING: Final = threading.Lock()  # the exporter keeps its state in globals
_DTYPES: Final = {"F32": np.float32, "F16": np.float16}


def export_onnx(model: Recogniser, path: Path) -> None:
    """Write the forward pass of a loaded model as one ONNX file, weights included.

    Inputs: waveforms (B, S) float32 at 16 kHz, padded with zeros; num_samples (B,) int64; of an L1-aware model also
    l1_ids (B,) int64, -1 if unknown. Output: log_probs (B, T, V), natural logs over the model's labels.

    Raises:
        ModelError: `model` does not run by PyTorch, or has no such graph.
    """
    if not isinstance(model, TorchRecogniser):
        raise ModelError("only models can be written as ONNX graphs, not external recognisers")
    with whole_file(path) as part:
        _trace(model, part)


def write_graph(model: TorchRecogniser, folder: Path) -> None:
    """Write model.onnx into a model folder, and check that it gives what PyTorch gives.

    The graph reads its weights from the .safetensors files of the folder: weights in half precision are cast to single
    when the graph is loaded, as PyTorch does.

    Args:
        model: loaded from the folder, on the CPU.
        folder: its folder.
    Raises:
        ModelError: there is no such graph, a posterior differs by more than 1e-3, or the package onnx is missing.
    """
    onnx = optional_package("onnx", "train")
    path = folder / GRAPH
    with whole_file(path) as part:
        _trace(model, part, fold_constants=False)
        graph = onnx.load(part)
        files = _refer_to_weights(onnx, graph, folder)
        metadata = {
            FRAME_SAMPLES: str(model.frame_samples),
            MIN_SAMPLES: str(_min_samples(model)),
            LAYOUTS: json.dumps({name: layout_digest(folder / name) for name in files}),
        }
        onnx.helper.set_model_props(graph, metadata)
        part.write_bytes(graph.SerializeToString())
    try:
        _compare(model, OnnxRecogniser(folder))
    except ModelError:
        path.unlink()
        raise


@dataclass(frozen=True, slots=True)
class _Weight:
    """Place of a tensor in a .safetensors file."""

    file: str
    offset: int
    length: int
    dtype: str


class _Forward(nn.Module):
    """One module with all weights, as the exporter needs."""

    def __init__(self, model: TorchRecogniser) -> None:
        super().__init__()
        self.weights = model.torch_module
        self._log_probs: Any = model.log_probs

    def forward(self, *inputs: Tensor) -> Tensor:
        log_probs: Tensor = self._log_probs(*inputs)
        return log_probs


def _trace(model: TorchRecogniser, path: Path, *, fold_constants: bool = True) -> None:
    waveforms = torch.linspace(-0.1, 0.1, 2 * _EXAMPLE_SAMPLES).reshape(2, -1)
    inputs = [waveforms, torch.tensor([_EXAMPLE_SAMPLES, 32_000])]
    if model.l1s:
        inputs.append(torch.tensor([-1, 0]))
    names = _INPUTS[: len(inputs)]
    axes = {"waveforms": {0: "B", 1: "S"}, "log_probs": {0: "B", 1: "T"}}
    try:
        with _EXPORTING, torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, about shapes that stay the same
            torch.onnx.export(
                _Forward(model).eval(),
                tuple(inputs),
                str(path),
                input_names=list(names),
                output_names=["log_probs"],
                dynamic_axes={name: axes.get(name, {0: "B"}) for name in (*names, "log_probs")},
                do_constant_folding=fold_constants,
                dynamo=False,
            )
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        raise ModelError(f"no ONNX graph of this model ({str(error).splitlines()[0]}); use it with torch") from None


def _refer_to_weights(onnx: Any, graph: Any, folder: Path) -> list[str]:
    """Replace tensors in the graph by references to the folder's weights; gives the names of the files in use."""
    weights = {key: weight for path in sorted(folder.glob("*.safetensors")) for key, weight in _read_weights(path)}
    casts, files = [], []
    for tensor in graph.graph.initializer:
        weight = weights.get(_key(onnx.numpy_helper.to_array(tensor)))
        if weight is None:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entries = {"location": weight.file, "offset": str(weight.offset), "length": str(weight.length)}
        for name, value in entries.items():
            tensor.external_data.add(key=name, value=value)
        if weight.dtype == "F16":
            half, tensor.data_type = f"{tensor.name}.half", onnx.TensorProto.FLOAT16
            casts.append(onnx.helper.make_node("Cast", [half], [tensor.name], to=onnx.TensorProto.FLOAT))
            tensor.name = half
        files.append(weight.file)
    for node in reversed(casts):
        graph.graph.node.insert(0, node)
    return sorted(set(files))


def _read_weights(path: Path) -> Iterator[tuple[tuple[tuple[int, ...], str], _Weight]]:
    """The tensors of a .safetensors file: key of the content in single precision, and its place."""
    content = path.read_bytes()
    (size,) = struct.unpack_from("<Q", content)
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] in _DTYPES:
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            values = np.frombuffer(content[start:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
            yield _key(values), _Weight(path.name, start, end - start, entry["dtype"])


def _key(values: NDArray[Any]) -> tuple[tuple[int, ...], str]:
    single = np.ascontiguousarray(values.astype(np.float32, copy=False))
    return values.shape, bytes_digest([single.tobytes()])


def _min_samples(model: TorchRecogniser) -> int:
    """Samples of the shortest waveform that gives a frame."""
    lengths = torch.arange(SAMPLE_RATE_HZ)
    return int((model.encoder.num_frames(lengths) > 0).long().argmax())


def _compare(model: TorchRecogniser, graph: OnnxRecogniser) -> None:
    """Compare both engines on noise of several lengths."""
    random = np.random.default_rng(0)
    waveforms = [random.normal(0, 0.1, length).astype(np.float32) for length in _TRIAL_SAMPLES]
    posteriors = [_posteriors(one, waveforms) for one in (model, graph)]
    for expected, found in zip(*posteriors, strict=True):
        if expected.shape != found.shape:
            raise ModelError(
                f"ONNX Runtime gives {len(found)} frames and PyTorch {len(expected)}; use the model with torch"
            )
        difference = float(np.abs(expected - found).max(initial=0.0))
        if difference > MAX_DIFFERENCE:
            raise ModelError(
                f"a posterior differs by {difference:.1e} between PyTorch and ONNX Runtime; "
                f"the limit is {MAX_DIFFERENCE:g}. Use the model with torch"
            )


def _posteriors(
    model: TorchRecogniser | OnnxRecogniser, waveforms: Sequence[NDArray[np.float32]]
) -> list[NDArray[Any]]:
    """(T, V) posteriors of each waveform, none longer than a chunk."""
    sources, l1_ids = range(len(waveforms)), [UNKNOWN_L1] * len(waveforms)
    return [np.exp(frames) for frames in model.chunk_log_probs(waveforms, sources, l1_ids)]
