"""A model, its optimizer, and one step of training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn

from asheard.corpora.audio import load_audio
from asheard.errors import ModelError
from asheard.models import SMALL_ENCODER, CTCTranscriber, L1AwareCTC, fresh_encoder, load_encoder, warm_start
from asheard.training.batches import Batch, keep_batch
from asheard.training.losses import compute_loss
from asheard.training.options import TrainingOptions
from asheard.training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class StepResult:
    """Numbers of one step. loss, ctc, l1: see `Loss`. grad_norm: before clipping. rate: the learning rate."""

    loss: float
    ctc: float
    l1: float | None
    grad_norm: float
    rate: float


class Trainer:
    """Built anew from its options, it always starts from the same weights."""

    def __init__(self, options: TrainingOptions, accelerator: Accelerator, l1s: Sequence[str]) -> None:
        """Build the model on the accelerator's device.

        Args:
            options: of the run.
            accelerator: one process or one of several; mixed precision is set here, not there.
            l1s: of the training speakers, for an L1-aware model.
        """
        set_seed(options.seed)
        self.options = options
        self.accelerator = accelerator
        self.model, fresh = build_model(options, l1s)
        self.model.to(accelerator.device)
        self.model.train()
        if accelerator.device.type == "cpu":
            # 12 ms a layer and step less than PyTorch's fused attention, whose CPU backward pass is slow in bfloat16
            # (batch of 16, 2.5 s each, one Zen 4 core). On GPUs the encoder's default, SDPA, stays.
            self.model.encoder.backbone.set_attn_implementation("eager")
        groups = _parameter_groups(self.model, fresh, options)
        self.optimizer = torch.optim.AdamW(groups, lr=options.peak_lr, fused=True)
        self.bf16 = has_bf16(accelerator.device)
        self._forward: nn.Module = accelerator.prepare(self.model)

    def step(self, step: int, num_steps: int, batch: Batch, weight: float = 1.0) -> StepResult:
        """Do optimizer step `step` (from 0) of `num_steps`; all its randomness comes from (seed, step, process).

        Args:
            batch: this process's part of the step.
            weight: what its losses count in the mean over processes, which is what the result tells.
        Raises:
            ModelError: a gradient is not finite; the batch is kept beside the checkpoint.
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
            kept = keep_batch(batch, load, options.checkpoint_dir / name)
            raise ModelError(
                f"step {step + 1}: gradient norm {grad_norm} (loss {float(loss.total.detach()):.3f}); nothing was "
                f"learnt from this batch, which is kept in {kept} (numpy.load gives its recordings, label_ids and "
                f"names): mend what is wrong with its recordings and run again, or lower the learning rate "
                f"({options.peak_lr}) in another folder. It holds {', '.join(batch.names)}"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        parts = torch.stack([part.detach() for part in (loss.total, loss.ctc, loss.l1) if part is not None])
        total, ctc, *l1 = self.accelerator.reduce(parts * weight, "mean").tolist()
        return StepResult(loss=total, ctc=ctc, l1=l1[0] if l1 else None, grad_norm=grad_norm, rate=rate)


def build_model(options: TrainingOptions, l1s: Sequence[str]) -> tuple[CTCTranscriber | L1AwareCTC, frozenset[str]]:
    """The model of a run before its first step, drawn from torch's generator where not pretrained.

    Faithful and L1-aware models start from the CTC head published with their base, where it has one.

    Returns:
        The model, and the names of its parameters that start fresh.
    Raises:
        ModelError: the base cannot be loaded, or is too small for the recipe's SpecAugment.
    """
    overrides = options.encoder_overrides()
    encoder = (
        fresh_encoder(SMALL_ENCODER, **overrides) if options.base is None else load_encoder(options.base, **overrides)
    )
    if options.mask_feature_prob and options.mask_feature_length > encoder.hidden_size:
        raise ModelError(
            f"SpecAugment is to mask {options.mask_feature_length} channels at a time (mask_feature_length), and "
            f"{options.base or 'the base'} has {encoder.hidden_size}; for a small base take --preset embedded"
        )
    if options.freeze_front_end:
        encoder.freeze_front_end()
    model: CTCTranscriber | L1AwareCTC = (
        L1AwareCTC(encoder, l1s=l1s) if options.kind == "l1-aware" else CTCTranscriber(encoder)
    )
    warm = options.kind != "base" and options.base is not None and warm_start(model.ctc_head, options.base)
    pretrained = ("encoder.", "ctc_head.") if warm else ("encoder.",)
    fresh = frozenset(name for name, _ in model.named_parameters() if not name.startswith(pretrained))
    return model, fresh


def has_bf16(device: torch.device) -> bool:
    """bfloat16 is computed natively there: CUDA from Ampere on, CPUs with AVX512-BF16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def step_seed(seed: int, step: int, process_index: int) -> int:
    """A 31-bit seed for the randomness of one step in one process."""
    digest = hashlib.blake2b(f"{seed}/{step}/{process_index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _parameter_groups(model: nn.Module, fresh: frozenset[str], options: TrainingOptions) -> list[dict[str, object]]:
    """Weight decay on matrices and kernels only: biases, norms and the mask vector keep their scale."""
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
