"""hama: a multilingual CTC Conformer with 191 labels; the package contains the weights."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.recognition.chunking import run_in_chunks
from asheard.recognition.external import ExternalRecogniser
from asheard.recognition.protocol import Label, Transcript, fold_labels

# Marks of words and sequences, which are no sound. `<unk>` is a sound, so it is listed in `left_out`.
SPECIAL_LABELS: Final = frozenset({"<pad>", "<sos>", "<eos>", "<wb>", "<blank>", " "})


class Hama(ExternalRecogniser):
    """The package's own greedy decoding, plus confidences, which the package does not return.

    A confidence is the mean posterior of a label over the frames it was read from, as in our own models. Times are
    those of the frames (20 ms).

    Source: hama (S. Park, Apache-2.0), https://github.com/hamanlp/hama.
    """

    kind = "hama"
    frame_s: float

    def __init__(self) -> None:
        """Load the model from the installed package.

        Raises:
            ModelError: the package is not installed, or has no engine for this platform.
        """
        hama = optional_package("hama", "recognisers")
        self.version = version("hama")
        try:
            self._model = hama.ASRModel()
        except RuntimeError as error:
            raise ModelError(
                f"hama {self.version}: {error}; its engine is built for Linux and macOS on x86-64 and arm64 only"
            ) from None
        self.frame_s = hama.asr.ASR_OUTPUT_FRAME_SAMPLES / SAMPLE_RATE_HZ

    @property
    def labels(self) -> list[str]:
        """All labels, in the order of their ids."""
        return list(self._model.decoder_tokens)

    def transcribe(self, waveform: NDArray[np.float32]) -> Transcript:
        """See `ExternalRecogniser.transcribe`."""
        frame_samples = round(self.frame_s * SAMPLE_RATE_HZ)
        (log_probs,) = run_in_chunks(self._chunk_log_probs, [waveform], self._model.blank_id, frame_samples)
        best = self._best_labels(log_probs)
        edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
        labels = []
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            label = self._model.decoder_tokens[best[start]]
            if label not in SPECIAL_LABELS:
                confidence = float(np.exp(log_probs[start:end, best[start]]).mean())
                labels.append(Label(label, (start * self.frame_s, end * self.frame_s), confidence))
        return fold_labels(labels, "ipa")

    def _chunk_log_probs(self, chunks: Sequence[NDArray[np.float32]], _: Sequence[int]) -> list[NDArray[np.float32]]:
        return list(map(self._log_probs, chunks))

    def _log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, 191) natural logs of one chunk."""
        ((log_probs,), (num_frames,)) = self._model.session.run(
            ["log_probs", "out_lengths"],
            {"waveform": np.clip(waveform, -1.0, 1.0)[None], "waveform_lengths": np.array([len(waveform)])},
        )
        frames: NDArray[np.float32] = log_probs[:num_frames]
        return frames

    def _best_labels(self, log_probs: NDArray[np.float32]) -> NDArray[np.intp]:
        """The label of each frame, with the package's own bias against the blank."""
        decoding = self._model.decode_cfg
        scores = log_probs / decoding.temperature
        scores[:, self._model.blank_id] += decoding.blank_bias
        best: NDArray[np.intp] = scores.argmax(-1)
        return best
