"""Published recognisers as they are: any *ForCTC checkpoint whose vocabulary holds eSpeak's phone labels."""

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from asheard.errors import ModelError, PhoneError
from asheard.models.decoding import Segment, decode_segments
from asheard.models.encoders import Encoder, explained, pad, reads_normalised
from asheard.models.transcriber import independent_batches
from asheard.models.transcript import Transcript
from asheard.phones import PHONES, fold_espeak

MIN_PHONES: Final = 30  # a vocabulary that reaches fewer of the 40 is one of letters, or of another language
_SPECIAL: Final = re.compile(r"<.*>|\[.*\]|\||\s*")  # <s>, [UNK], the word bar, white space


class OffTheShelf:
    """Greedy decoding over the checkpoint's own labels, each folded to the 40 phones afterwards.

    Multilingual vocabularies hold labels that are no sound of English and that `fold_espeak` does not know.
    They are found when the model is loaded (`unfoldable`), and a transcript names those it left out (`left_out`). A
    label that is several phones (aɪə) shares its time between them and gives each its confidence.
    """

    kind = "off-the-shelf"

    def __init__(self, model_id: str | Path, device: torch.device | str = "cpu") -> None:
        """Load a checkpoint.

        Raises:
            ModelError: it cannot be loaded, has no CTC head or blank, or its labels reach fewer than 30 of the phones.
        """
        do_normalize = reads_normalised(model_id)
        with explained(model_id):
            model, found = transformers.AutoModelForCTC.from_pretrained(
                model_id, dtype=torch.float32, weights_only=True, output_loading_info=True
            )
            self.labels = _read_vocabulary(model_id, model.config.vocab_size)
        if any(name.startswith("lm_head") for name in found["missing_keys"]):
            raise ModelError(f"{model_id}: no CTC head among its weights; give a fine-tuned *ForCTC checkpoint")
        if model.config.pad_token_id is None:
            raise ModelError(f"{model_id}: config.json gives no pad_token_id, the id of the CTC blank; write it there")
        self.encoder = Encoder(getattr(model, model.base_model_prefix), do_normalize=do_normalize)
        self.model = model.to(device).eval()
        self.phones: dict[int, tuple[str, ...]] = {}
        self.unfoldable: dict[int, str] = {}
        silent = {int(model.config.pad_token_id)}
        for label_id, label in self.labels.items():
            if _SPECIAL.fullmatch(label):
                silent.add(label_id)
                continue
            try:
                self.phones[label_id] = fold_espeak(label)
            except PhoneError:
                self.unfoldable[label_id] = label
        self.silent = frozenset(silent)
        reached = {phone for phones in self.phones.values() for phone in phones}
        if len(reached) < MIN_PHONES:
            raise ModelError(
                f"{model_id}: its vocabulary reaches {len(reached)} of the 40 phones "
                f"(not {', '.join(phone for phone in PHONES if phone not in reached)}); "
                "give a checkpoint that writes eSpeak phones, such as facebook/wav2vec2-lv-60-espeak-cv-ft"
            )

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """See `Transcriber.transcribe`; `l1s` are not used."""
        transcripts = [Transcript((), (), ())] * len(waveforms)
        for rows in independent_batches(self.encoder, waveforms):
            padded, num_samples = (part.to(self.model.device) for part in pad([waveforms[i] for i in rows]))
            log_probs = self.model.lm_head(self.encoder(padded, num_samples)).float().log_softmax(-1)
            segments = decode_segments(log_probs, self.encoder.num_frames(num_samples), self.silent)
            for row, found in zip(rows, segments, strict=True):
                transcripts[row] = self._fold(found)
        return transcripts

    def _fold(self, segments: list[Segment]) -> Transcript:
        phones: list[str] = []
        confidences: list[float] = []
        times_s: list[tuple[float, float]] = []
        left_out = tuple(self.unfoldable[row.label_id] for row in segments if row.label_id in self.unfoldable)
        for segment in segments:
            folded = self.phones.get(segment.label_id, ())
            edges = np.linspace(segment.start, segment.end, len(folded) + 1) * self.encoder.frame_s
            phones += folded
            confidences += [segment.confidence] * len(folded)
            times_s += [(float(start), float(end)) for start, end in pairwise(edges)]
        return Transcript(tuple(phones), tuple(confidences), tuple(times_s), left_out)


def _read_vocabulary(model_id: str | Path, vocab_size: int) -> dict[int, str]:
    """Read vocab.json itself: the published tokenizer class wants a phonemizer just to name its labels."""
    path: Any = transformers.utils.cached_file(str(model_id), "vocab.json")
    labels = {label_id: label for label, label_id in json.loads(Path(path).read_text(encoding="utf-8")).items()}
    if sorted(labels) != list(range(vocab_size)):
        raise ModelError(
            f"{model_id}: vocab.json names {len(labels)} labels where the model has the {vocab_size} ids "
            f"0..{vocab_size - 1}; every id needs one label"
        )
    return labels
