"""How a model does on the validation speakers; logged, never used to choose anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from asheard.alignment import count_edits, unit_align_batch
from asheard.errors import ModelError
from asheard.models import CTCTranscriber, L1AwareCTC
from asheard.phones import id_to_phone
from asheard.training.batches import Example, LoadWav

_AT_ONCE = 64  # recordings in memory


@dataclass(frozen=True, slots=True)
class Validation:
    """Measures over the validation set.

    per: phone error rate against the training target (canonical phones for a base). l1_accuracy: share of recordings
    whose L1 the classifier hears, None without one. length_ratio: median of predicted / target phones.
    num_distinct_phones: that occur in the predictions.
    """

    per: float
    l1_accuracy: float | None
    length_ratio: float
    num_distinct_phones: int


def validate(model: CTCTranscriber | L1AwareCTC, examples: Sequence[Example], load: LoadWav) -> Validation:
    """Transcribe the examples greedily (an L1-aware model is told the L1) and score them.

    Raises:
        ModelError: there are no examples.
    """
    if not examples:
        raise ModelError("nothing to validate on; give a --val manifest with usable utterances")
    references = [[id_to_phone(label_id) for label_id in example.label_ids] for example in examples]
    hypotheses: list[tuple[str, ...]] = []
    num_l1_heard = 0
    model.eval()
    for start in range(0, len(examples), _AT_ONCE):
        rows = examples[start : start + _AT_ONCE]
        waveforms, l1s = [load(row.wav) for row in rows], [row.l1 for row in rows]
        if isinstance(model, L1AwareCTC):
            results = model.transcribe_with_l1(waveforms, l1s)
            hypotheses += [transcript.phones for transcript, _ in results]
            num_l1_heard += sum(heard == l1 for (_, heard), l1 in zip(results, l1s, strict=True))
        else:
            hypotheses += [transcript.phones for transcript in model.transcribe(waveforms, l1s)]
    model.train()
    edits = count_edits(chain.from_iterable(unit_align_batch(references, hypotheses)))
    ratios = [len(hypothesis) / len(ref) for ref, hypothesis in zip(references, hypotheses, strict=True)]
    return Validation(
        per=edits.num_edits / sum(map(len, references)),
        l1_accuracy=num_l1_heard / len(examples) if isinstance(model, L1AwareCTC) else None,
        length_ratio=float(np.median(ratios)),
        num_distinct_phones=len(set(chain.from_iterable(hypotheses))),
    )
