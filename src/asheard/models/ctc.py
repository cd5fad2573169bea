"""The faithful transcriber: an encoder and one linear layer, trained with CTC on produced phones."""

from pathlib import Path

from torch import Tensor, nn

from asheard.models.encoders import Encoder, load_encoder
from asheard.models.recogniser import TorchRecogniser
from asheard.phones import LABELS


class CTCTranscriber(TorchRecogniser, nn.Module):
    """Encoder + Linear(H -> n_labels); ids as in `asheard.phones.LABELS`, 0 padding and 1 the blank."""

    kind = "faithful"

    def __init__(self, base_id: str | Path | Encoder, n_labels: int = len(LABELS)) -> None:
        """Put a fresh head on an encoder, or on the one `load_encoder` finds under a hub id or folder."""
        super().__init__()
        self.encoder = base_id if isinstance(base_id, Encoder) else load_encoder(base_id)
        self.ctc_head = nn.Linear(self.encoder.hidden_size, n_labels)

    @property
    def torch_module(self) -> nn.Module:
        """The module that holds all weights."""
        return self

    @property
    def head(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.ctc_head

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """Compute CTC logits.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples; None if nothing is padded.
        Returns:
            (B, T, n_labels) logits.
        """
        logits: Tensor = self.ctc_head(self.encoder(waveforms, num_samples))
        return logits

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor | None = None) -> Tensor:
        """See `TorchRecogniser.log_probs`; `l1_ids` are not used."""
        logits: Tensor = self(waveforms, num_samples)
        return logits.float().log_softmax(-1)
