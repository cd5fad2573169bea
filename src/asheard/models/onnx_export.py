"""The forward pass of our models as an ONNX graph, for ONNX Runtime: the same numbers, sooner on a CPU."""

import logging
import threading
import warnings
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.io.files import whole_file
from asheard.models.ctc import CTCTranscriber
from asheard.models.l1_aware import L1AwareCTC
from asheard.models.off_the_shelf import OffTheShelf

_TRIAL_SAMPLES: Final = 48_000  # 3 s, about an utterance
_NUM_TRIALS: Final = 5
_MOST_APART: Final = 0.01  # log posteriors of both engines, in nats
_INPUTS: Final = ("waveforms", "num_samples", "l1_ids")
_EXPORTING: Final = threading.Lock()  # the exporter keeps its state in globals
_LOGGER: Final = logging.getLogger("asheard")


def export_onnx(transcriber: Any, path: Path) -> None:
    """Write the forward pass of a loaded model as an ONNX graph.

    Inputs: waveforms (B, S) float32 at 16 kHz, padded with zeros; num_samples (B,) int64; of an L1-aware model l1_ids
    (B,) int64, -1 where unknown. Output: log_probs (B, T, V), natural logs over the model's labels.

    Raises:
        ModelError: the transcriber is no model, or one that has no such graph.
    """
    if not isinstance(transcriber, CTCTranscriber | L1AwareCTC | OffTheShelf):
        raise ModelError("only models can be written as ONNX graphs, not recognisers of other people")
    rows = torch.linspace(-0.1, 0.1, 2 * _TRIAL_SAMPLES).reshape(2, -1), torch.tensor([_TRIAL_SAMPLES, 32_000])
    inputs = (*rows, torch.tensor([-1, 0])) if transcriber.l1s else rows
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


class _Forward(nn.Module):
    """What the exporter wants: a module, in which all weights are."""

    def __init__(self, transcriber: Any) -> None:
        super().__init__()
        self.weights = transcriber if isinstance(transcriber, nn.Module) else transcriber.model
        self._log_probs = transcriber.log_probs

    def forward(self, *inputs: Tensor) -> Tensor:
        log_probs: Tensor = self._log_probs(*inputs)
        return log_probs
