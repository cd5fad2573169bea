"""What training minimises."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asheard.models import CTCTranscriber, L1AwareCTC
from asheard.phones import BLANK_ID
from asheard.training.batches import Batch
from asheard.training.wildcard_ctc import wildcard_ctc_loss


@dataclass(frozen=True, slots=True)
class Loss:
    """total = ctc + lambda_l1 * l1; l1 is None where the model has no L1 classifier."""

    total: Tensor
    ctc: Tensor
    l1: Tensor | None


def compute_loss(forward: nn.Module, model: CTCTranscriber | L1AwareCTC, batch: Batch, lambda_l1: float) -> Loss:
    """Run one batch and score it.

    Args:
        forward: `model` as prepared for the machine (autocast, several GPUs).
        model: a CTCTranscriber or an L1AwareCTC; the latter's CTC branch is given the true L1.
        batch: padded examples.
        lambda_l1: weight of the L1 cross-entropy.
    Returns:
        Means over the batch, CTC in nats a label.
    Source: Graves et al. 2006 (CTC); the L1 branch as a multi-task loss.
    """
    device = next(model.parameters()).device
    inputs, num_samples = batch.inputs.to(device), batch.num_samples.to(device)
    num_frames = model.encoder.num_frames(batch.num_samples)
    if not isinstance(model, L1AwareCTC):
        ctc = ctc_loss(forward(inputs, num_samples), num_frames, batch)
        return Loss(ctc, ctc, None)
    l1_ids = torch.tensor([model.l1_id(l1) for l1 in batch.l1s], device=device)
    ctc_logits, l1_logits = forward(inputs, num_samples, l1_ids)
    ctc = ctc_loss(ctc_logits, num_frames, batch)
    l1 = nn.functional.cross_entropy(l1_logits.float(), l1_ids)
    return Loss(ctc + lambda_l1 * l1, ctc, l1)


def ctc_loss(logits: Tensor, num_frames: Tensor, batch: Batch) -> Tensor:
    """CTC on float32: nats a label, averaged over utterances; a target that cannot fit counts as 0.

    It is PyTorch's where no target of the batch has a hole, and `wildcard_ctc_loss` otherwise.
    """
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    if (batch.label_ids < 0).any():
        return wildcard_ctc_loss(log_probs, batch.label_ids, num_frames, batch.num_labels)
    return nn.functional.ctc_loss(
        log_probs,
        batch.label_ids.to(logits.device),
        num_frames.to(logits.device),
        batch.num_labels.to(logits.device),
        blank=BLANK_ID,
        zero_infinity=True,
    )
