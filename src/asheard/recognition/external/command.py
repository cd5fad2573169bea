"""Any program as a recogniser: it reads a recording from standard input and writes phones to standard output."""

import io
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from asheard.errors import CorpusError, ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.digests import content_digest, json_digest
from asheard.io.files import parse_json
from asheard.io.table import confidences_and_times, format_value
from asheard.phones import detect_alphabet, spoken_label
from asheard.recognition.external import ExternalRecogniser, to_pcm16
from asheard.recognition.protocol import Label, Transcript, fold_labels


class Command(ExternalRecogniser):
    """A command line, run once a recording, without a shell.

    It reads a WAV file (16 kHz, mono, 16 bits). It writes phones separated by spaces, or one JSON object: `phones` (a
    list, or one string separated by spaces) and, if known, `confidences` and `times_s` ([start, end] in seconds), one a
    phone. Phones are ARPAbet, IPA or eSpeak's; the alphabet is detected in each transcript. Silences (`sil`, `-`, ...)
    are removed.
    """

    def __init__(self, line: str) -> None:
        """Check that the program exists.

        Args:
            line: program and arguments, quoted as for a shell.
        Raises:
            ModelError: the line cannot be parsed, or there is no such program.
        """
        try:
            self._words = shlex.split(line)
        except ValueError as error:
            raise ModelError(f"command {line!r} cannot be parsed ({error}); quote it as for a shell") from None
        if not self._words:
            raise ModelError("the command is empty; give a program after 'command:'")
        if shutil.which(self._words[0]) is None:
            raise ModelError(f"command {line!r}: no program {self._words[0]!r}; give its path, or put it on PATH")
        self.line = line
        self.kind = Path(self._words[0]).name
        files = [content_digest(word) for word in self._words if Path(word).is_file()]
        self.version = json_digest([self._words, files])

    def transcribe(self, waveform: NDArray[np.float32]) -> Transcript:
        """See `ExternalRecogniser.transcribe`."""
        wav = io.BytesIO()
        soundfile.write(wav, to_pcm16(waveform), SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
        try:
            done = subprocess.run(self._words, input=wav.getvalue(), capture_output=True, check=False)
        except OSError as error:
            raise ModelError(f"command {self.line!r} cannot be run ({error.strerror})") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing on its standard error"]
            raise ModelError(f"command {self.line!r} failed with exit code {done.returncode}: {said[-1]}")
        try:
            labels = _read_labels(done.stdout.decode())
        except (ValueError, CorpusError) as error:
            raise ModelError(f"command {self.line!r} wrote no transcript: {error}") from None
        return fold_labels(labels, detect_alphabet(item.label for item in labels))


def _read_labels(output: str) -> list[Label]:
    """Parse a program's output.

    Raises:
        ValueError: neither phones separated by spaces nor an object with them; with what is wrong.
        CorpusError: as of `confidences_and_times`.
    """
    row = parse_json(output) if output.lstrip().startswith("{") else {"phones": output}
    phones = row.get("phones")
    labels = phones.split() if isinstance(phones, str) else phones
    if not isinstance(labels, list) or not all(isinstance(label, str) and label.split() == [label] for label in labels):
        raise ValueError(
            f"'phones' must be a list of labels, or a string of labels with spaces between, not {format_value(phones)}"
        )
    confidences, times_s = confidences_and_times(row, "its output", len(labels))
    return [
        Label(label, span, confidence)
        for label, span, confidence in zip(
            labels, times_s or [None] * len(labels), confidences or [None] * len(labels), strict=True
        )
        if spoken_label(label) is not None
    ]
