"""Published recognisers as they are: any *ForCTC checkpoint whose vocabulary holds labels of phones.

How a fresh CTC head starts from a published one: a random head first makes the encoder write blanks only, and most of a
short fine-tuning is spent on undoing that.
"""

from pathlib import Path
from typing import Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.models.encoders import encoder_around
from asheard.models.hub import read_config, read_labels, read_model, refuse_incomplete
from asheard.models.recogniser import TorchRecogniser
from asheard.phones import BLANK_ID, PHONES, phone_to_id
from asheard.recognition.decoding import Vocabulary
from asheard.recognition.protocol import Recognition

_GIVE_ANOTHER: Final = "give a fine-tuned *ForCTC checkpoint, or fine-tune this one (asheard train --base)"


class OffTheShelf(TorchRecogniser):
    """Greedy decoding over the checkpoint's own labels (`vocabulary`), which are then folded to the 40 phones."""

    kind = "off-the-shelf"
    gives_posteriors = False

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
        labels = read_labels(model_id, model.config.vocab_size)
        if model.config.pad_token_id is None:
            raise ModelError(f"{model_id}: config.json gives no pad_token_id, the id of the CTC blank; write it there")
        self.encoder = encoder_around(getattr(model, model.base_model_prefix), model_id)
        self.model = model.to(device).eval()
        self.vocabulary = Vocabulary(model_id, labels, int(model.config.pad_token_id))

    @property
    def torch_module(self) -> nn.Module:
        """The module that holds all weights."""
        module: nn.Module = self.model
        return module

    @property
    def head(self) -> nn.Linear:
        """The layer that gives the logits of its own labels."""
        head: nn.Linear = self.model.lm_head
        return head

    @property
    def blank_id(self) -> int:
        """Label of the CTC blank."""
        return self.vocabulary.blank_id

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor | None = None) -> Tensor:
        """See `TorchRecogniser.log_probs`; over its own labels, and `l1_ids` are not used."""
        logits: Tensor = self.head(self.encoder(waveforms, num_samples))
        return logits.float().log_softmax(-1)

    def decode(self, frames: NDArray[np.float32]) -> Recognition:
        """Decode the (T, V) natural logs of one recording greedily."""
        return self.vocabulary.decode(frames, self.frame_s)


def warm_start(head: nn.Linear, base_id: str | Path) -> bool:
    """Fill the rows of a fresh head from the CTC head published with the base.

    The blank takes the base's blank. A phone takes the label written like it, otherwise the mean of all labels that
    fold to it alone. A phone that no label folds to stays random. Columns past the encoder's (the embedded L1) start
    at 0.

    Args:
        head: Linear(H [+ l1_emb] -> 42).
        base_id: hub id or folder the encoder came from.
    Returns:
        False if the base has no CTC head over labels of phones; the head is then unchanged.
    """
    try:
        published = OffTheShelf(base_id)
    except ModelError:
        return False
    weight, bias = published.head.weight, published.head.bias
    with torch.no_grad():
        head.weight[:, weight.shape[1] :] = 0.0
        vocabulary = published.vocabulary
        sources = {BLANK_ID: [vocabulary.blank_id]}
        for phone in PHONES:
            alike = [label_id for label_id, phones in vocabulary.phones.items() if phones == (phone,)]
            sources[phone_to_id(phone)] = [row for row in alike if vocabulary.labels[row] == phone] or alike
        for label_id, rows in sources.items():
            if rows:
                head.weight[label_id, : weight.shape[1]] = weight[rows].mean(0)
                head.bias[label_id] = bias[rows].mean()
    return True
