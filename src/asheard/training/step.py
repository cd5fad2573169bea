"""One step of training: model, optimizer, learning rate and loss. The learning rate is a function of the step."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.io.audio import load_audio
from asheard.models import (
    SMALL_ENCODER,
    CTCTranscriber,
    L1AwareCTC,
    Transcriber,
    fresh_encoder,
    load_encoder,
    warm_start,
)
from asheard.phones import BLANK_ID
from asheard.recognition.runtime import l1_id
from asheard.training.data import Batch, save_batch
from asheard.training.options import Schedule, TrainingOptions
from asheard.training.wildcard_ctc import wildcard_ctc_loss

_START_SHARE: Final = 1 / 25  # first rate of one-cycle, divided by the peak
_END_SHARE: Final = 1e-5  # last rate of one-cycle, divided by the peak


def learning_rate(step: int, num_steps: int, peak: float, warmup_share: float, schedule: Schedule) -> float:
    """Learning rate of optimizer step `step` (from 0) of `num_steps`.

    linear: a straight line up to `peak` over the warm-up, then a straight line that reaches 0 after the last step.
    one-cycle: cosine curves from peak / 25 to `peak` and down to peak * 1e-5 (Smith and Topin 2018).
    """
    warmup = max(1, round(warmup_share * num_steps))
    if step < warmup:
        rise = (step + 1) / warmup
        return peak * (rise if schedule == "linear" else _cosine(_START_SHARE, 1.0, rise))
    if schedule == "linear":
        return peak * (num_steps - step) / (num_steps - warmup + 1)
    return peak * _cosine(1.0, _END_SHARE, (step + 1 - warmup) / (num_steps - warmup))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, slots=True)
class Loss:
    """Loss of one batch: total = ctc + lambda_l1 * l1. l1 is None if the model has no L1 classifier."""

    total: Tensor
    ctc: Tensor
    l1: Tensor | None


def compute_loss(forward: nn.Module, model: Transcriber, batch: Batch, lambda_l1: float) -> Loss:
    """Compute the loss of one batch.

    Args:
        forward: `model` as prepared by accelerate.
        model: the model itself. The CTC branch of an L1AwareCTC gets the true L1.
        batch: padded examples.
        lambda_l1: weight of the L1 cross-entropy.
    Returns:
        Means over the batch; CTC in nats a label.
    Source: Graves et al. 2006 (CTC); the L1 branch is a multi-task loss.
    """
    device = next(model.parameters()).device
    inputs, num_samples = batch.inputs.to(device), batch.num_samples.to(device)
    num_frames = model.encoder.num_frames(batch.num_samples)
    if not isinstance(model, L1AwareCTC):
        ctc = ctc_loss(forward(inputs, num_samples), num_frames, batch)
        return Loss(ctc, ctc, None)
    l1_ids = torch.tensor([l1_id(l1, model.l1s) for l1 in batch.l1s], device=device)
    ctc_logits, l1_logits = forward(inputs, num_samples, l1_ids)
    ctc = ctc_loss(ctc_logits, num_frames, batch)
    l1 = nn.functional.cross_entropy(l1_logits.float(), l1_ids)
    return Loss(ctc + lambda_l1 * l1, ctc, l1)


def ctc_loss(logits: Tensor, num_frames: Tensor, batch: Batch) -> Tensor:
    """CTC loss in float32: nats a label, averaged over utterances. A target that does not fit counts as 0.

    Batches without wildcard labels use PyTorch's loss, others `wildcard_ctc_loss`.
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


@dataclass(frozen=True, slots=True)
class StepResult:
    """Measures of one step. loss, ctc, l1: see `Loss`. grad_norm: before clipping. rate: the learning rate."""

    loss: float
    ctc: float
    l1: float | None
    grad_norm: float
    rate: float


class Trainer:
    """A model and its optimizer. Equal options give equal initial weights."""

    def __init__(self, options: TrainingOptions, accelerator: Accelerator, l1s: Sequence[str]) -> None:
        """Build the model on the accelerator's device.

        Args:
            options: of the run.
            accelerator: of this process. Mixed precision is set by this class, not by accelerate.
            l1s: of the training speakers, for an L1-aware model.
        """
        set_seed(options.seed)
        self.options = options
        self.accelerator = accelerator
        self.model, fresh = build_model(options, l1s)
        self.model.to(accelerator.device)
        self.model.train()
        if accelerator.device.type == "cpu":
            # PyTorch's fused attention has a slow backward pass in bfloat16 on CPUs: 12 ms more a layer and step (batch
            # of 16 recordings of 2.5 s, one Zen 4 core). On GPUs the encoder keeps its default, SDPA.
            self.model.encoder.backbone.set_attn_implementation("eager")
        groups = _parameter_groups(self.model, fresh, options)
        self.optimizer = torch.optim.AdamW(groups, lr=options.peak_lr, fused=True)
        self.bf16 = has_bf16(accelerator.device)
        self._forward: nn.Module = accelerator.prepare(self.model)

    def step(self, step: int, num_steps: int, batch: Batch, weight: float = 1.0) -> StepResult:
        """Do optimizer step `step` (from 0) of `num_steps`. Its randomness depends on (seed, step, process) alone.

        Args:
            step: index of the step.
            num_steps: of the whole run.
            batch: the share of this process.
            weight: of its losses in the mean over processes, which the result holds.
        Raises:
            ModelError: a gradient is not finite. The batch is written into the checkpoint folder.
        """
        set_seed(step_seed(self.options.seed, step, self.accelerator.process_index))
        options = self.options
        rate = learning_rate(step, num_steps, options.peak_lr, options.warmup_share, options.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_factor"]
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bf16):
            loss = compute_loss(self._forward, self.model, batch, options.lambda_l1)
        self.accelerator.backward(loss.total * weight)
        grad_norm = float(self.accelerator.clip_grad_norm_(self.model.parameters(), options.max_grad_norm))
        if not grad_norm < float("inf"):
            name = f"not-finite-step{step + 1}-process{self.accelerator.process_index}.npz"
            load = partial(load_audio, options.wav_root, cache=options.audio_cache)
            path = save_batch(batch, load, options.checkpoint_dir / name)
            raise ModelError(
                f"step {step + 1}: gradient norm is {grad_norm} (loss {float(loss.total.detach()):.3f}); the model was "
                f"not changed. The batch is kept in {path} (numpy.load gives its recordings, label_ids and names). "
                f"Correct its recordings and run again, or use a lower learning rate than {options.peak_lr} in another "
                f"folder. Utterances: {', '.join(batch.names)}"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        parts = torch.stack([part.detach() for part in (loss.total, loss.ctc, loss.l1) if part is not None])
        total, ctc, *l1 = self.accelerator.reduce(parts * weight, "mean").tolist()
        return StepResult(loss=total, ctc=ctc, l1=l1[0] if l1 else None, grad_norm=grad_norm, rate=rate)


def build_model(options: TrainingOptions, l1s: Sequence[str]) -> tuple[Transcriber, frozenset[str]]:
    """Build the model of a run. Torch's generator draws the parameters without pretrained values.

    Faithful and L1-aware models start from the CTC head of their base, if it has one.

    Returns:
        The model, and the names of the parameters without pretrained values.
    Raises:
        ModelError: the base cannot be loaded, or is too small for the SpecAugment of the options.
    """
    overrides = options.encoder_overrides()
    encoder = (
        fresh_encoder(SMALL_ENCODER, **overrides) if options.base is None else load_encoder(options.base, **overrides)
    )
    if options.mask_feature_prob and options.mask_feature_length > encoder.hidden_size:
        raise ModelError(
            f"SpecAugment masks {options.mask_feature_length} channels at once (mask_feature_length), but "
            f"{options.base or 'the base'} has only {encoder.hidden_size}. For a small base use --preset embedded"
        )
    if options.freeze_front_end:
        encoder.freeze_front_end()
    model: Transcriber = L1AwareCTC(encoder, l1s=l1s) if options.kind == "l1-aware" else CTCTranscriber(encoder)
    warm = options.kind != "base" and options.base is not None and warm_start(model.ctc_head, options.base)
    pretrained = ("encoder.", "ctc_head.") if warm else ("encoder.",)
    fresh = frozenset(name for name, _ in model.named_parameters() if not name.startswith(pretrained))
    return model, fresh


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively: CUDA from Ampere on, CPUs with AVX512-BF16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def step_seed(seed: int, step: int, process_index: int) -> int:
    """Seed (31 bits) for the randomness of one step in one process."""
    digest = hashlib.blake2b(f"{seed}/{step}/{process_index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _parameter_groups(model: nn.Module, fresh: frozenset[str], options: TrainingOptions) -> list[dict[str, object]]:
    """Parameters by weight decay and learning rate. Biases, norms and the mask vector have no weight decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            weight_decay = options.weight_decay if parameter.ndim > 1 else 0.0
            lr_factor = options.fresh_lr_factor if name in fresh else 1.0
            groups.setdefault((weight_decay, lr_factor), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": weight_decay, "lr_factor": lr_factor}
        for (weight_decay, lr_factor), parameters in groups.items()
    ]
