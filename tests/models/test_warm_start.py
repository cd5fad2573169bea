"""A head filled from a published one writes what that one writes."""

import torch
from torch import nn

from asheard.models import CTCTranscriber, L1AwareCTC, OffTheShelf, warm_start
from asheard.phones import BLANK_ID, PHONES, phone_to_id
from support.tiny_checkpoints import publish, tiny_encoder

ESPEAK = ["<pad>", "<s>", "</s>", "<unk>", *(phone for phone in PHONES if phone != "ɝ"), "ɜː", "ɚ", "aɪə", "iː"]


def test_warm_start_takes_rows_of_labels_that_fold_to_the_phone(tmp_path):
    publish(tmp_path, ESPEAK)
    published = OffTheShelf(tmp_path).model.lm_head
    head = nn.Linear(published.in_features, 42)
    pad_row = head.weight[0].clone()
    assert warm_start(head, tmp_path)
    torch.testing.assert_close(head.weight[BLANK_ID], published.weight[0])
    torch.testing.assert_close(head.weight[phone_to_id("i")], published.weight[ESPEAK.index("i")])
    both = published.weight[[ESPEAK.index("ɜː"), ESPEAK.index("ɚ")]].mean(0)
    torch.testing.assert_close(head.weight[phone_to_id("ɝ")], both)
    torch.testing.assert_close(head.bias[phone_to_id("s")], published.bias[ESPEAK.index("s")])
    torch.testing.assert_close(head.weight[0], pad_row)


def test_warm_start_makes_l1_columns_zero(tmp_path):
    publish(tmp_path, ESPEAK)
    model = L1AwareCTC(tmp_path).eval()
    assert warm_start(model.ctc_head, tmp_path)
    waveforms = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        one, other = (model(waveforms, None, torch.full((2,), l1))[0] for l1 in (0, 3))
    torch.testing.assert_close(one, other)


def test_warm_start_of_a_base_without_a_phone_head(tmp_path):
    tiny_encoder().backbone.save_pretrained(tmp_path)
    head = CTCTranscriber(tiny_encoder()).ctc_head
    before = head.weight.clone()
    assert not warm_start(head, tmp_path)
    torch.testing.assert_close(head.weight, before)
