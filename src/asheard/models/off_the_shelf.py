"""Published recognisers as they are: any *ForCTC checkpoint whose vocabulary holds phone labels.

A CTC head that starts from what the base's own head knows.

A fresh head first pushes the encoder into writing blanks only, and most of a short fine-tuning goes into coming back.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.models.ctc import independent_batches
from asheard.models.encoders import encoder_around, pad
from asheard.models.hub import read_config, read_labels, read_model, refuse_incomplete
from asheard.models.onnx_export import OnnxGraph
from asheard.phones import BLANK_ID, PHONES, detect_alphabet, phone_to_id, spoken_label
from asheard.recognition.decoding import Segment, in_chunks, segments_of, valid_frames
from asheard.recognition.protocol import Label, Transcript, fold_labels

MIN_PHONES: Final = 30  # a vocabulary that reaches fewer of the 40 is one of letters, or of another language
_GIVE_ANOTHER: Final = "give a fine-tuned *ForCTC checkpoint, or fine-tune this one (asheard train --base)"
_SPECIAL: Final = re.compile(r"<.*>|\[.*\]|\||\s*")  # <s>, [UNK], the word bar, white space


class OffTheShelf:
    """Greedy decoding over the checkpoint's own labels, each folded to the 40 phones afterwards.

    The vocabulary tells whether they are eSpeak's labels, IPA or ARPAbet. Multilingual vocabularies hold labels that
    are no sound of English; a transcript names those it left out (`left_out`).
    """

    kind = "off-the-shelf"
    graph: OnnxGraph | None = None  # what runs the forward pass in place of PyTorch

    def __init__(self, model_id: str | Path, device: torch.device | str = "cpu") -> None:
        """Load a checkpoint.

        Raises:
            ModelError: it cannot be loaded, has no CTC head or blank, or its labels reach fewer than 30 of the phones.
        """
        config = read_config(model_id)
        if type(config) not in transformers.MODEL_FOR_CTC_MAPPING or config.vocab_size is None:
            raise ModelError(f"{model_id}: a {config.model_type} model, which has no CTC head; {_GIVE_ANOTHER}")
        model, missing = read_model(transformers.AutoModelForCTC, model_id, config=config)
        if any(name.startswith("lm_head") for name in missing):
            raise ModelError(f"{model_id}: no CTC head among its weights; {_GIVE_ANOTHER}")
        refuse_incomplete(model_id, missing)
        self.labels = read_labels(model_id, model.config.vocab_size)
        if model.config.pad_token_id is None:
            raise ModelError(f"{model_id}: config.json gives no pad_token_id, the id of the CTC blank; write it there")
        self.encoder = encoder_around(getattr(model, model.base_model_prefix), model_id)
        self.model = model.to(device).eval()
        self.blank_id = int(model.config.pad_token_id)
        sounds = {
            label_id: label for label_id, label in self.labels.items() if label_id != self.blank_id and _is_sound(label)
        }
        self.silent = self.labels.keys() - sounds.keys()
        self.alphabet = detect_alphabet(sounds.values())
        self.phones = {i: fold_labels([Label(label)], self.alphabet).phones for i, label in sounds.items()}
        reached = {phone for phones in self.phones.values() for phone in phones}
        if len(reached) < MIN_PHONES:
            raise ModelError(
                f"{model_id}: its vocabulary reaches {len(reached)} of the 40 phones "
                f"(not {', '.join(phone for phone in PHONES if phone not in reached)}); "
                "give a checkpoint that writes phones, such as facebook/wav2vec2-lv-60-espeak-cv-ft"
            )

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """See `Recogniser.transcribe`; `l1s` are not used."""
        heard = in_chunks(self.encoder.frame_s, self.blank_id, waveforms, self._hear)
        return [self._fold(segments_of(log_probs, self.silent)) for log_probs in heard]

    def log_probs(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """(B, T, V) natural logs of the posteriors of its own labels; as of `CTCTranscriber.log_probs`."""
        if self.graph is not None:
            return self.graph(waveforms, num_samples)
        logits: Tensor = self.model.lm_head(self.encoder(waveforms, num_samples))
        return logits.float().log_softmax(-1)

    def _hear(self, waveforms: Sequence[NDArray[np.float32]], _: Sequence[int]) -> list[NDArray[np.float32]]:
        heard = [np.empty((0, len(self.labels)), np.float32)] * len(waveforms)
        for rows in independent_batches(self.encoder, waveforms):
            padded, num_samples = (part.to(self.model.device) for part in pad([waveforms[i] for i in rows]))
            log_probs = self.log_probs(padded, num_samples)
            for row, frames in zip(rows, valid_frames(log_probs, self.encoder.num_frames(num_samples)), strict=True):
                heard[row] = frames
        return heard

    def _fold(self, segments: list[Segment]) -> Transcript:
        frame_s = self.encoder.frame_s
        heard = [
            Label(self.labels[segment.label_id], (segment.start * frame_s, segment.end * frame_s), segment.confidence)
            for segment in segments
        ]
        return fold_labels(heard, self.alphabet)


def _is_sound(label: str) -> bool:
    return not _SPECIAL.fullmatch(label) and spoken_label(label) is not None


def warm_start(head: nn.Linear, base_id: str | Path) -> bool:
    """Fill the rows of a fresh head from the CTC head published with the base.

    The blank takes the base's blank. A phone takes the label written like it, else the mean of all labels that fold
    to it alone; one that no label folds to stays fresh. Columns past the encoder's (the embedded L1) start at zero.

    Args:
        head: Linear(H [+ l1_emb] -> 42).
        base_id: hub id or folder the encoder came from.
    Returns:
        False, and the head untouched, where the base has no CTC head over labels of phones.
    """
    try:
        published = OffTheShelf(base_id)
    except ModelError:
        return False
    weight, bias = published.model.lm_head.weight, published.model.lm_head.bias
    with torch.no_grad():
        head.weight[:, weight.shape[1] :] = 0.0
        sources = {BLANK_ID: [int(published.model.config.pad_token_id)]}
        for phone in PHONES:
            alike = [label_id for label_id, phones in published.phones.items() if phones == (phone,)]
            sources[phone_to_id(phone)] = [row for row in alike if published.labels[row] == phone] or alike
        for label_id, rows in sources.items():
            if rows:
                head.weight[label_id, : weight.shape[1]] = weight[rows].mean(0)
                head.bias[label_id] = bias[rows].mean()
    return True
