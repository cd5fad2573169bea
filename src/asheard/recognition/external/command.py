"""Any program as a recogniser: a recording on its standard input, phones on its standard output."""

import io
import json
import math
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from asheard.errors import ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.digests import content_digest, json_digest
from asheard.phones import detect_alphabet, spoken_label
from asheard.recognition.external.base import ExternalRecogniser, to_pcm16
from asheard.recognition.protocol import Label, Transcript, fold_labels


class Command(ExternalRecogniser):
    """A command line, run once a recording and without a shell.

    It reads a WAV file (16 kHz, mono, 16 bits) and writes phones between blanks, or one JSON object: `phones` (a list,
    or one string between blanks) and where known `confidences` and `times_s` ([start, end] in seconds), one a phone.
    Phones are ARPAbet, IPA or eSpeak's; each transcript tells which. Silences (`sil`, `-`, ...) are left out.
    """

    def __init__(self, line: str) -> None:
        """Check that there is such a program.

        Args:
            line: program and arguments, quoted as for a shell.
        Raises:
            ModelError: the line cannot be read, or names no program.
        """
        try:
            self._words = shlex.split(line)
        except ValueError as error:
            raise ModelError(f"command {line!r} cannot be read ({error}); quote it as for a shell") from None
        if not self._words:
            raise ModelError("the command is empty; give a program after 'command:'")
        if shutil.which(self._words[0]) is None:
            raise ModelError(f"command {line!r}: no program {self._words[0]!r}; give its path, or put it on PATH")
        self.line = line
        self.kind = Path(self._words[0]).name
        files = [content_digest(word) for word in self._words if Path(word).is_file()]
        self.version = json_digest([self._words, files])

    def hear(self, waveform: NDArray[np.float32]) -> Transcript:
        """See `ExternalRecogniser.hear`."""
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
            heard = _read(done.stdout.decode())
        except ValueError as error:
            raise ModelError(f"command {self.line!r} wrote what is no transcript: {error}") from None
        return fold_labels(heard, detect_alphabet(item.label for item in heard))


def _read(output: str) -> list[Label]:
    """What a program wrote.

    Raises:
        ValueError: not phones between blanks, nor an object of them; the message says what is wrong with it.
    """
    row = json.loads(output) if output.lstrip().startswith("{") else {"phones": output}
    phones = row.get("phones")
    labels = phones.split() if isinstance(phones, str) else phones
    if not isinstance(labels, list) or not all(isinstance(label, str) and label.split() == [label] for label in labels):
        raise ValueError(f"'phones' must be a list of labels, or one string of labels between blanks, not {phones!r}")
    confidences = _one_each(row, "confidences", len(labels))
    spans = _one_each(row, "times_s", len(labels))
    for confidence in confidences:
        if confidence is not None and not _is_number(confidence):
            raise ValueError(f"'confidences' must be numbers, not {confidence!r}")
    for span in spans:
        if span is not None and not (isinstance(span, list) and len(span) == 2 and all(map(_is_number, span))):
            raise ValueError(f"'times_s' must be [start, end] pairs of seconds, not {span!r}")
    return [
        Label(label, None if span is None else (span[0], span[1]), confidence)
        for label, span, confidence in zip(labels, spans, confidences, strict=True)
        if spoken_label(label) is not None
    ]


def _one_each(row: dict[str, Any], name: str, number: int) -> list[Any]:
    values = row.get(name)
    if values is None:
        return [None] * number
    if not isinstance(values, list) or len(values) != number or None in values:
        raise ValueError(f"{name!r} must be a list with one value for each of the {number} phones")
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
