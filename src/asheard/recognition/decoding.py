"""Decode CTC frames to phones with times and confidences."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones import BLANK_ID, PAD_ID, PHONES, detect_alphabet, id_to_phone, spoken_label
from asheard.recognition.chunking import merge_chunks, split_chunks
from asheard.recognition.protocol import Label, Posteriors, Recogniser, Recognition, Transcript, fold_labels

SILENT_IDS: Final = frozenset({PAD_ID, BLANK_ID})
MIN_PHONES: Final = 30  # a vocabulary that reaches fewer of the 40 has letters, or phones of another language
_SPECIAL: Final = re.compile(r"<.*>|\[.*\]|\||\s*")  # <s>, [UNK], the word bar, white space


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of frames with one best label: [start, end) in frames, and the label's mean posterior there."""

    label_id: int
    start: int
    end: int
    confidence: float


def find_segments(log_probs: NDArray[np.float32], silent: Set[int] = SILENT_IDS) -> list[Segment]:
    """Collapse CTC frames: merge repeats of the best label, then remove silent labels.

    Args:
        log_probs: (T, V) natural logs of one recording.
        silent: ids of labels that write nothing: the blank, padding, sentence marks.
    Source: Graves et al. 2006.
    """
    if not len(log_probs):
        return []
    best = log_probs.argmax(1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1)).tolist()
    probabilities = np.exp(log_probs[np.arange(len(best)), best])
    return [
        Segment(int(best[start]), start, end, float(probabilities[start:end].mean()))
        for start, end in pairwise(edges)
        if best[start] not in silent
    ]


def decode_recognition(log_probs: NDArray[np.float32], frame_s: float) -> Recognition:
    """Decode the (T, 42) posteriors of one recording greedily; frames of `frame_s` seconds."""
    segments = find_segments(log_probs)
    transcript = Transcript(
        phones=tuple(id_to_phone(segment.label_id) for segment in segments),
        confidences=tuple(segment.confidence for segment in segments),
        times_s=tuple((segment.start * frame_s, segment.end * frame_s) for segment in segments),
    )
    return Recognition(transcript, Posteriors(log_probs, frame_s))


def split_for(recogniser: Recogniser, waveform: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Split a waveform for `merge_recognitions`; into one chunk if the recogniser gives no posteriors."""
    return split_chunks(waveform) if recogniser.gives_posteriors else [waveform]


def merge_recognitions(parts: Sequence[Recognition]) -> Recognition:
    """Merge the recognitions of one recording's chunks, as `split_for` gives them."""
    if len(parts) == 1:
        return parts[0]
    frames = [part.posteriors for part in parts if part.posteriors is not None]
    frame_s = frames[0].frame_s
    log_probs = merge_chunks([part.log_probs for part in frames], BLANK_ID, round(frame_s * SAMPLE_RATE_HZ))
    return decode_recognition(log_probs, frame_s)


class Vocabulary:
    """The labels of a published CTC model, and the phones they fold to.

    Multilingual vocabularies hold labels that are no sound of English; a transcript lists them in `left_out`.

    Attributes:
        labels: label by id.
        blank_id: id of the CTC blank.
        silent: ids of labels that write nothing.
        alphabet: eSpeak, IPA or ARPAbet, detected from the labels.
        phones: by id, the phones of a label.
    """

    def __init__(self, source: object, labels: Mapping[int, str], blank_id: int) -> None:
        """Detect the alphabet.

        Args:
            source: the model's name, for messages.
        Raises:
            ModelError: the labels reach fewer than 30 of the 40 phones.
        """
        self.labels, self.blank_id = labels, blank_id
        sounds = {label_id: label for label_id, label in labels.items() if label_id != blank_id and _is_sound(label)}
        self.silent = labels.keys() - sounds.keys()
        self.alphabet = detect_alphabet(sounds.values())
        self.phones = {
            label_id: fold_labels([Label(label)], self.alphabet).phones for label_id, label in sounds.items()
        }
        reached = {phone for phones in self.phones.values() for phone in phones}
        if len(reached) < MIN_PHONES:
            raise ModelError(
                f"{source}: its vocabulary reaches {len(reached)} of the 40 phones "
                f"(not {', '.join(phone for phone in PHONES if phone not in reached)}); "
                "give a checkpoint that writes phones, such as facebook/wav2vec2-lv-60-espeak-cv-ft"
            )

    def decode(self, log_probs: NDArray[np.float32], frame_s: float) -> Recognition:
        """Decode (T, V) natural logs over these labels greedily; frames of `frame_s` seconds."""
        return Recognition(self.fold(find_segments(log_probs, self.silent), frame_s))

    def fold(self, segments: Sequence[Segment], frame_s: float) -> Transcript:
        """Fold the labels of segments to phones; frames of `frame_s` seconds."""
        labels = [
            Label(self.labels[one.label_id], (one.start * frame_s, one.end * frame_s), one.confidence)
            for one in segments
        ]
        return fold_labels(labels, self.alphabet)


def _is_sound(label: str) -> bool:
    return not _SPECIAL.fullmatch(label) and spoken_label(label) is not None
