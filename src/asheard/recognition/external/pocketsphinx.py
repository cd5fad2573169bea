"""PocketSphinx's allphone search (HMMs and a phone trigram); the package contains the models."""

from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import optional_package
from asheard.recognition.external import ExternalRecogniser, to_pcm16
from asheard.recognition.protocol import Label, Transcript, fold_labels

SILENCE: Final = "SIL"  # the only one of its 42 labels that is no sound

# Language weight, insertion penalty and beams of the project's own allphone test, cython/test/phoneme_test.py.
_SEARCH: Final[dict[str, Any]] = {"lw": 2.0, "pip": 0.3, "beam": 1e-200, "pbeam": 1e-20}


class PocketSphinx(ExternalRecogniser):
    """Phones of the en-us model with the times of their HMM states, in frames of 10 ms.

    It gives no confidences: an allphone search has no posteriors. Its AH includes schwa, so it never writes ə. Noises
    (+NSN+, +SPN+) are listed in `left_out`.

    Source: Huggins-Daines et al. 2006; https://github.com/cmusphinx/pocketsphinx.
    """

    kind = "pocketsphinx"
    frame_s: float

    def __init__(self) -> None:
        """Load the models from the installed package.

        Raises:
            ModelError: the package is not installed.
        """
        pocketsphinx = optional_package("pocketsphinx", "recognisers")
        self.version = version("pocketsphinx")
        self._decoder = pocketsphinx.Decoder(
            hmm=pocketsphinx.get_model_path("en-us/en-us"),
            allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"),
            dict=None,
            loglevel="FATAL",
            **_SEARCH,
        )
        self.frame_s = 1 / self._decoder.config["frate"]

    def transcribe(self, waveform: NDArray[np.float32]) -> Transcript:
        """See `ExternalRecogniser.transcribe`."""
        self._decoder.reinit_feat()  # drops the cepstral mean and noise of the recording before
        self._decoder.start_utt()
        self._decoder.process_raw(to_pcm16(waveform).tobytes(), full_utt=True)
        self._decoder.end_utt()
        labels = [
            Label(segment.word, (segment.start_frame * self.frame_s, (segment.end_frame + 1) * self.frame_s))
            for segment in self._decoder.seg() or ()  # None if it found no path
            if segment.word != SILENCE
        ]
        return fold_labels(labels, "arpabet")
