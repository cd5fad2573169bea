"""The forward pass of our models as an ONNX graph, for ONNX Runtime: the same numbers, sooner on a CPU."""

import logging
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from asheard.errors import ModelError, optional_package
from asheard.io.files import whole_file

_TRIAL_SAMPLES: Final = 48_000  # 3 s, about an utterance
_NUM_TRIALS: Final = 5
_MOST_APART: Final = 0.01  # log posteriors of both engines, in nats
_INPUTS: Final = ("waveforms", "num_samples", "l1_ids")
_EXPORTING: Final = threading.Lock()  # the exporter keeps its state in globals
_LOGGER: Final = logging.getLogger("asheard")


class OnnxGraph:
    """A graph in an ONNX Runtime session, called as the forward pass that it was exported from."""

    def __init__(self, path: Path) -> None:
        """Load a graph that `export_onnx` wrote; as many threads as PyTorch has work on one batch."""
        runtime = optional_package("onnxruntime", "serve")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, *inputs: Tensor) -> Tensor:
        """(B, S) waveforms, (B,) valid samples and, of an L1-aware model, (B,) L1 ids to (B, T, V) log posteriors."""
        named = {name: value.numpy() for name, value in zip(_INPUTS, inputs, strict=False)}
        (log_probs,) = self._session.run(None, named)
        return torch.from_numpy(log_probs)


def export_onnx(transcriber: Any, path: Path) -> None:
    """Write the forward pass of a loaded model as an ONNX graph.

    Inputs: waveforms (B, S) float32 at 16 kHz, padded with zeros; num_samples (B,) int64; of an L1-aware model l1_ids
    (B,) int64, -1 where unknown. Output: log_probs (B, T, V), natural logs over the model's labels.

    Raises:
        ModelError: the transcriber is no model, or one that has no such graph.
    """
    if not hasattr(transcriber, "log_probs"):
        raise ModelError("only models can be written as ONNX graphs, not recognisers of other people")
    rows = torch.linspace(-0.1, 0.1, 2 * _TRIAL_SAMPLES).reshape(2, -1), torch.tensor([_TRIAL_SAMPLES, 32_000])
    inputs = (*rows, torch.tensor([-1, 0])) if hasattr(transcriber, "l1s") else rows
    names = _INPUTS[: len(inputs)]
    axes = {"waveforms": {0: "B", 1: "S"}, "log_probs": {0: "B", 1: "T"}}
    try:
        with _EXPORTING, whole_file(path) as part, torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, on shapes that stay the same
            torch.onnx.export(
                _Forward(transcriber).eval(),  # which the exporter would else leave training
                inputs,
                str(part),
                input_names=list(names),
                output_names=["log_probs"],
                dynamic_axes={name: axes.get(name, {0: "B"}) for name in (*names, "log_probs")},
                dynamo=False,
            )
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        raise ModelError(f"no ONNX graph of this model: {str(error).splitlines()[0]}") from None


def prefer_faster(transcriber: Any) -> str:
    """Let a model on a CPU run by ONNX Runtime from now on, where that is faster here and gives the same numbers.

    Returns:
        `onnxruntime` or `torch`: what it runs by.
    """
    if torch.cuda.is_available():
        return "torch"
    try:
        with tempfile.TemporaryDirectory() as folder:
            export_onnx(transcriber, Path(folder) / "graph.onnx")
            graph = OnnxGraph(Path(folder) / "graph.onnx")
    except ModelError as error:
        _LOGGER.warning("%s; it runs by PyTorch", error)
        return "torch"
    noise = np.random.default_rng(0).normal(0, 0.1, (1, _TRIAL_SAMPLES)).astype(np.float32)
    inputs = [torch.from_numpy(noise), torch.tensor([_TRIAL_SAMPLES])]
    if hasattr(transcriber, "l1s"):
        inputs.append(torch.tensor([-1]))
    with torch.inference_mode():
        apart = float((transcriber.log_probs(*inputs) - graph(*inputs)).abs().max())
        faster = _seconds(graph, inputs) < _seconds(transcriber.log_probs, inputs)
    if not faster or apart > _MOST_APART:
        return "torch"
    transcriber.graph = graph
    return "onnxruntime"


class _Forward(nn.Module):
    """What the exporter wants: a module, in which all weights are."""

    def __init__(self, transcriber: Any) -> None:
        super().__init__()
        self.weights = transcriber if isinstance(transcriber, nn.Module) else transcriber.model
        self._log_probs = transcriber.log_probs

    def forward(self, *inputs: Tensor) -> Tensor:
        log_probs: Tensor = self._log_probs(*inputs)
        return log_probs


def _seconds(run: Callable[..., Tensor], inputs: list[Tensor]) -> float:
    """The shortest of some trials."""
    took = []
    for _ in range(_NUM_TRIALS):
        started = time.perf_counter()
        run(*inputs)
        took.append(time.perf_counter() - started)
    return min(took)
