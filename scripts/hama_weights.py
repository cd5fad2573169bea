"""Read the recogniser of the package `hama` (S. Park, Apache-2.0) as a Hugging Face folder that can be fine-tuned.

Its weights are in one archive: the magic HAMAPK, two bytes of version, a table of tensors (name, type, shape, offset,
size), and their data from the next multiple of 16 on. The tensors are those of an ONNX export, so matrices without a
bias have numbers as names.

Source: https://github.com/hamanlp/hama, version 1.7.0.
"""

import struct
from importlib.resources import files
from pathlib import Path
from typing import Final

import torch
import transformers
from torch import Tensor

from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import write_json
from asheard.models.conformer import ConformerConfig, ConformerForCTC

_MAGIC: Final = b"HAMAPK"
_TYPES: Final = {0: torch.float32, 1: torch.float16}
_MODEL: Final = "acoustic_model.model."
# Kernels and matrices in the order of their numbers in the export, which is the order of the layers.
_KERNELS: Final = ("feature_extractor.subsample", *(f"blocks.{block}.convolution.depthwise" for block in range(4)))
_MATRICES: Final = tuple(
    f"blocks.{block}.{layer}.weight"
    for block in range(4)
    for layer in (
        "feed_forward_1.up",
        "feed_forward_1.down",
        "attention.query_key_value",
        "attention.out",
        "feed_forward_2.up",
        "feed_forward_2.down",
    )
)
_NAMES: Final = {
    "ffn1.norm": "feed_forward_1.norm",
    "ffn1.fc1": "feed_forward_1.up",
    "ffn1.fc2": "feed_forward_1.down",
    "attn_norm": "attention.norm",
    "attn.in_proj_bias": "attention.query_key_value.bias",
    "attn.out_proj": "attention.out",
    "conv.norm": "convolution.norm",
    "conv.pointwise1": "convolution.gate",
    "conv.pointwise2": "convolution.out",
    "ffn2.norm": "feed_forward_2.norm",
    "ffn2.fc1": "feed_forward_2.up",
    "ffn2.fc2": "feed_forward_2.down",
}


def export_hama(folder: Path | str) -> Path:
    """Write hama's recogniser as an off-the-shelf checkpoint: an `asheard-conformer` with its 191 labels.

    Args:
        folder: for config.json, model.safetensors, preprocessor_config.json and vocab.json.
    Raises:
        ModelError: the package is not installed, does not run on this platform, or has another archive than version
            1.7.0.
    """
    hama = optional_package("hama", "recognisers")
    try:
        labels = list(hama.ASRModel().decoder_tokens)
        archive = files("hama.assets").joinpath("asr_waveform.hama").read_bytes()
        model = ConformerForCTC(ConformerConfig(vocab_size=len(labels), pad_token_id=labels.index("<blank>")))
        model.load_state_dict(_rename(read_archive(archive)))
    except (KeyError, OSError, RuntimeError, struct.error, ValueError) as error:
        raise ModelError(
            f"the package hama has another recogniser than 1.7.0 ({error}); install hama==1.7.0"
        ) from error
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE_HZ, do_normalize=False, return_attention_mask=True
    ).save_pretrained(folder)
    write_json(Path(folder) / "vocab.json", {label: label_id for label_id, label in enumerate(labels)})
    return Path(folder)


def read_archive(archive: bytes) -> dict[str, Tensor]:
    """The tensors of a `.hama` archive by name, as float32.

    Raises:
        ValueError: it does not start with the magic.
    """
    if archive[:6] != _MAGIC:
        raise ValueError("not a HAMAPK archive")
    (count,) = struct.unpack_from("<I", archive, 8)
    position = 12
    table = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", archive, position)
        name = archive[position + 2 : position + 2 + length].decode()
        position += 2 + length
        kind, rank = struct.unpack_from("<BB", archive, position)
        shape = struct.unpack_from(f"<{rank}I", archive, position + 2)
        start, size = struct.unpack_from("<QQ", archive, position + 2 + 4 * rank)
        position += 18 + 4 * rank
        table.append((name, _TYPES[kind], shape, start, size))
    data = memoryview(bytearray(archive[-(-position // 16) * 16 :]))
    return {
        name: torch.frombuffer(data[start : start + size], dtype=kind).reshape(shape).float()
        for name, kind, shape, start, size in table
    }


def _rename(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of the archive the names and shapes of `ConformerForCTC`."""
    numbered = sorted((name for name in tensors if name.startswith("onnx::")), key=lambda name: int(name.split("_")[1]))
    kernels = [tensors[name] for name in numbered if name.startswith("onnx::Conv_")]
    matrices = [tensors[name] for name in numbered if name.startswith("onnx::MatMul_")]
    renamed = {f"{name}.weight": kernel for name, kernel in zip(_KERNELS, kernels[::2], strict=True)}
    renamed |= {f"{name}.bias": bias for name, bias in zip(_KERNELS, kernels[1::2], strict=True)}
    renamed |= {name: matrix.T.contiguous() for name, matrix in zip(_MATRICES, matrices, strict=True)}
    renamed["feature_extractor.mel_filters"] = tensors["mel_fb"]
    for name, tensor in tensors.items():
        if name.startswith(f"{_MODEL}blocks."):
            block, part = name.removeprefix(f"{_MODEL}blocks.").split(".", 1)
            for old, new in _NAMES.items():
                part = part.replace(old, new) if part.startswith(old) else part
            renamed[f"blocks.{block}.{part}"] = tensor.squeeze(-1)
    model = {f"conformer.{name}": tensor for name, tensor in renamed.items()}
    return model | {
        "lm_head.weight": tensors[f"{_MODEL}proj.weight"].squeeze(-1),
        "lm_head.bias": tensors[f"{_MODEL}proj.bias"],
    }
