"""What our transformers architectures over log-mel features share: how they are called, loaded and frozen."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

from asheard.models.log_mel import mask, num_frames


class LogMelFrontEnd(nn.Module):
    """Called with (B, S) waveforms and (B,) valid samples, it gives (B, T, H) frames of 20 ms."""

    def _freeze_parameters(self) -> None:
        """What wav2vec2's front ends are frozen by."""
        self.requires_grad_(False)


class LogMelModel(PreTrainedModel):  # type: ignore[misc]
    """16 kHz waveforms to hidden frames of 20 ms; a row's frames do not depend on the rest of its batch.

    An architecture has a `feature_extractor`, and the layers that `_encode` runs.
    """

    main_input_name = "waveforms"
    feature_extractor: LogMelFrontEnd

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """Encode padded waveforms.

        Args:
            waveforms: (B, S) float32 at 16 kHz, each row of at least 25 ms.
            attention_mask: (B, S), 1 on valid samples; None where nothing is padded.
        Returns:
            last_hidden_state: (B, T, H); T as `_get_feat_extract_output_lengths` says.
        """
        valid = torch.ones_like(waveforms) if attention_mask is None else attention_mask
        num_samples = valid.sum(1).long()
        frames = self.feature_extractor(waveforms, num_samples)
        return BaseModelOutput(last_hidden_state=self._encode(frames, mask(num_frames(num_samples), frames.shape[1])))

    def _encode(self, frames: Tensor, valid: Tensor) -> Tensor:
        """(B, T, H) frames of the front end, and (B, T) which of them are a row's own, to (B, T, H)."""
        raise NotImplementedError

    def _get_feat_extract_output_lengths(self, num_samples: Tensor) -> Tensor:
        """Frames that so many samples give, as wav2vec2's family tells it; 0 below one window (25 ms)."""
        return num_frames(num_samples)


class LogMelForCTC(PreTrainedModel):  # type: ignore[misc]
    """An `architecture`, kept under its `base_model_prefix`, and one linear layer over CTC labels."""

    main_input_name = "waveforms"
    architecture: ClassVar[type[LogMelModel]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.architecture(config))
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> CausalLMOutput:
        """As `LogMelModel`, giving logits (B, T, vocab_size)."""
        return CausalLMOutput(logits=self.lm_head(self.base_model(waveforms, attention_mask).last_hidden_state))
