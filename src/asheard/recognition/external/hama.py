"""hama: a multilingual CTC Conformer with 191 labels, its weights inside the package."""

from importlib.metadata import version
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.recognition.chunking import cut, join
from asheard.recognition.external.base import ExternalRecogniser
from asheard.recognition.protocol import Label, Transcript, fold_labels

# Labels that are no claim about a sound: word and sequence marks. `<unk>` is one, and is left out by name.
SILENT: Final = frozenset({"<pad>", "<sos>", "<eos>", "<wb>", "<blank>", " "})


class Hama(ExternalRecogniser):
    """The package's own greedy decoding, with the confidences that it does not return.

    A confidence is the mean posterior of a label over the frames it was read from, as in our own models; times are
    those frames of 20 ms.

    Source: hama (S. Park, Apache-2.0), https://github.com/hamanlp/hama.
    """

    kind = "hama"

    def __init__(self) -> None:
        """Load the model from the installed package.

        Raises:
            ModelError: the package is not installed, or has no engine for this platform.
        """
        hama = optional_package("hama", "voices")
        self.version = version("hama")
        try:
            self._model = hama.ASRModel()
        except RuntimeError as error:
            raise ModelError(
                f"hama {self.version}: {error}; its engine is built for Linux and macOS on x86-64 and arm64 only"
            ) from None
        self._frame_s = hama.asr.ASR_OUTPUT_FRAME_SAMPLES / SAMPLE_RATE_HZ

    @property
    def labels(self) -> list[str]:
        """All labels that it can write, in the order of their ids."""
        return list(self._model.decoder_tokens)

    def hear(self, waveform: NDArray[np.float32]) -> Transcript:
        """See `ExternalRecogniser.hear`."""
        pieces = [self._log_probs(piece) for piece in cut(waveform)]
        log_probs = join(pieces, self._model.blank_id, round(self._frame_s * SAMPLE_RATE_HZ))
        best = self._best_labels(log_probs)
        edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
        heard = []
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            label = self._model.decoder_tokens[best[start]]
            if label not in SILENT:
                confidence = float(np.exp(log_probs[start:end, best[start]]).mean())
                heard.append(Label(label, (start * self._frame_s, end * self._frame_s), confidence))
        return fold_labels(heard, "ipa")

    def _log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, 191) natural logs of what is no longer than a piece."""
        ((log_probs,), (num_frames,)) = self._model.session.run(
            ["log_probs", "out_lengths"],
            {"waveform": np.clip(waveform, -1.0, 1.0)[None], "waveform_lengths": np.array([len(waveform)])},
        )
        frames: NDArray[np.float32] = log_probs[:num_frames]
        return frames

    def _best_labels(self, log_probs: NDArray[np.float32]) -> NDArray[np.intp]:
        """The label of each frame, the blank held back a little as the package's own decoding does."""
        decoding = self._model.decode_cfg
        scores = log_probs / decoding.temperature
        scores[:, self._model.blank_id] += decoding.blank_bias
        best: NDArray[np.intp] = scores.argmax(-1)
        return best
