"""A CTC head that starts from what the base's own head knows.

A fresh head first pushes the encoder into writing blanks only, and most of a short fine-tuning goes into coming back.
"""

from pathlib import Path

import torch
from torch import nn

from asheard.errors import ModelError
from asheard.models.off_the_shelf import OffTheShelf
from asheard.phones import BLANK_ID, PHONES, phone_to_id


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
