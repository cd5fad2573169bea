"""Transcribers in PyTorch: encoders, CTC heads, model folders, published checkpoints and ONNX export."""

from asheard.models.conformer import ConformerConfig, ConformerForCTC
from asheard.models.ctc import L2_ARCTIC_L1S, CTCTranscriber, L1AwareCTC, Transcriber
from asheard.models.encoders import SMALL_ENCODER, Encoder, fresh_encoder, load_encoder, pad
from asheard.models.folder import export_ctc, load_transcriber, needs_room, read_card, save_transcriber
from asheard.models.off_the_shelf import OffTheShelf, warm_start
from asheard.models.whisper import WhisperCTCConfig, WhisperForCTC

__all__ = [
    "L2_ARCTIC_L1S",
    "SMALL_ENCODER",
    "CTCTranscriber",
    "ConformerConfig",
    "ConformerForCTC",
    "Encoder",
    "L1AwareCTC",
    "OffTheShelf",
    "Transcriber",
    "WhisperCTCConfig",
    "WhisperForCTC",
    "export_ctc",
    "fresh_encoder",
    "load_encoder",
    "load_transcriber",
    "needs_room",
    "pad",
    "read_card",
    "save_transcriber",
    "warm_start",
]
