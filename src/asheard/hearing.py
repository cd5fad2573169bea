"""What a transcriber makes of a recording in one pass: its transcript, and its posteriors where it gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asheard.chunks import SAMPLE_RATE_HZ, cut, join
from asheard.phones import BLANK_ID
from asheard.transcript import Transcriber, Transcript


@dataclass(frozen=True, slots=True)
class Posteriors:
    """log_probs: (T, 42) natural logs of a recording's own frames, of `frame_s` seconds each."""

    log_probs: NDArray[np.float32]
    frame_s: float


@dataclass(frozen=True, slots=True)
class Hearing:
    """A transcript, and the posteriors that it was read from; None from what gives none over the 40 phones."""

    transcript: Transcript
    posteriors: Posteriors | None = None


def gives_posteriors(transcriber: Transcriber) -> bool:
    """Whether it is a model of ours, loaded: recognisers need no torch, so that is not imported for them."""
    return hasattr(transcriber, "posteriors") and hasattr(transcriber, "encoder")


def pieces(transcriber: Transcriber, waveform: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What to hear one after the other, and then `joined`: of what gives no posteriors the recording as it is."""
    return cut(waveform) if gives_posteriors(transcriber) else [waveform]


def joined(transcriber: Transcriber, hearings: Sequence[Hearing]) -> Hearing:
    """The hearing of a recording from those of its `pieces`."""
    from asheard.models.decoding import read_transcript

    frame_s = transcriber.encoder.frame_s  # type: ignore[attr-defined]
    parts = [hearing.posteriors.log_probs for hearing in hearings if hearing.posteriors is not None]
    log_probs = join(parts, BLANK_ID, round(frame_s * SAMPLE_RATE_HZ))
    return Hearing(read_transcript(log_probs, frame_s), Posteriors(log_probs, frame_s))


def hear(
    transcriber: Transcriber, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
) -> list[Hearing]:
    """Hear waveforms, in one forward pass.

    Args and Raises: as of `Transcriber.transcribe`.
    Returns:
        One hearing a waveform; none depends on its neighbours.
    """
    if not gives_posteriors(transcriber):
        return [Hearing(transcript) for transcript in transcriber.transcribe(waveforms, l1s)]
    from asheard.models.decoding import read_transcript

    frame_s = transcriber.encoder.frame_s  # type: ignore[attr-defined]
    return [
        Hearing(read_transcript(log_probs, frame_s), Posteriors(log_probs, frame_s))
        for log_probs in transcriber.posteriors(waveforms, l1s)  # type: ignore[attr-defined]
    ]
