"""A corpus of tones: every phone is 0.1 s of its own pitch, every L1 has its own hum."""

from pathlib import Path

import numpy as np
import soundfile
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.models import CTCTranscriber, Encoder, export_ctc
from asheard.phones import PHONES

RATE = 16_000
SPOKEN = PHONES[:8]
L1S = ("Hindi", "Korean", "Spanish")

TINY = {
    "conv_dim": (16,) * 7,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "group",
    "do_stable_layer_norm": False,
}


def utterance(root: Path, name: str, l1: str, phones: list[str], random: np.random.Generator, **changes) -> Utterance:
    """Write the recording of a sequence of tones; return its utterance."""
    times = np.arange(RATE // 10) / RATE
    tones = [np.sin(2 * np.pi * (400 + 350 * SPOKEN.index(phone)) * times) * np.hanning(times.size) for phone in phones]
    samples = np.concatenate(tones) * 0.3
    hum = np.sin(2 * np.pi * (60 + 40 * L1S.index(l1)) * np.arange(samples.size) / RATE)
    samples += 0.2 * hum + random.normal(0, 0.01, samples.size)
    (root / "wav").mkdir(parents=True, exist_ok=True)
    soundfile.write(root / "wav" / f"{name}.wav", samples, RATE)
    fields = {
        "utt": name,
        "speaker": f"S{L1S.index(l1)}",
        "l1": l1,
        "wav": f"wav/{name}.wav",
        "text": None,
        "tokens": tuple(Token(phone, phone, ErrorType.OK) for phone in phones),
        "seconds": samples.size / RATE,
    }
    return Utterance(**fields | changes)


def write_corpus(root: Path, num_train: int = 48, num_val: int = 12) -> None:
    """Write wav/, train.jsonl and val.jsonl."""
    random = np.random.default_rng(0)
    for name, number in (("train", num_train), ("val", num_val)):
        rows = []
        for i in range(number):
            phones = [SPOKEN[j] for j in random.integers(0, len(SPOKEN), random.integers(5, 9))]
            rows.append(utterance(root, f"{name}{i}", L1S[i % 3], phones, random))
        write_manifest(root / f"{name}.jsonl", rows)


def write_base(folder: Path) -> Path:
    """Write a tiny random recogniser in the published layout."""
    import torch

    torch.manual_seed(0)
    encoder = Encoder(Wav2Vec2Model(Wav2Vec2Config(**TINY)), do_normalize=True)
    return export_ctc(CTCTranscriber(encoder), folder, {})
