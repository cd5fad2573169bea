"""Random checkpoints of a few thousand weights in the files, names and fields of the published ones.

The configurations are those of the hub with smaller sizes, written as JSON and not through transformers, which would
bring them up to its own date. Weights are pickled, under the names of their time (`weight_g`, `weight_v`), or
safetensors.
"""

import json
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors.torch import save_file

LABELS_OF_LV60 = (Path(__file__).parents[1] / "phones" / "espeak_labels.txt").read_text(encoding="utf-8").split()
# The list lacks one label of the published 388, which only the count of ids tells.
VOCABULARY = {label: i for i, label in enumerate(["<pad>", "<s>", "</s>", "<unk>", *LABELS_OF_LV60, "iɜ5"])}

Weights = Literal["safetensors", "zip", "legacy"]  # of pickles: today's, and that of before PyTorch 1.6

_CONVOLUTIONS = {
    "conv_bias": True,
    "conv_dim": [8] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "num_conv_pos_embedding_groups": 2,
    "num_conv_pos_embeddings": 8,
    "num_feat_extract_layers": 7,
}
_LAYERS = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
_RAW = _CONVOLUTIONS | _LAYERS | {
    "activation_dropout": 0.0,
    "apply_spec_augment": True,
    "attention_dropout": 0.1,
    "bos_token_id": 1,
    "ctc_loss_reduction": "sum",
    "ctc_zero_infinity": False,
    "do_stable_layer_norm": True,
    "eos_token_id": 2,
    "feat_extract_activation": "gelu",
    "feat_extract_norm": "layer",
    "feat_proj_dropout": 0.1,
    "final_dropout": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-05,
    "layerdrop": 0.1,
    "mask_feature_length": 10,
    "mask_feature_prob": 0.0,
    "mask_time_length": 10,
    "mask_time_prob": 0.05,
    "pad_token_id": 0,
}  # fmt: skip
_QUANTIZER = {
    "codevector_dim": 8,
    "contrastive_logits_temperature": 0.1,
    "diversity_loss_weight": 0.1,
    "feat_quantizer_dropout": 0.0,
    "num_codevector_groups": 2,
    "num_codevectors_per_group": 4,
    "num_negatives": 3,
    "proj_codevector_dim": 8,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "facebook/wav2vec2-lv-60-espeak-cv-ft": _RAW | _QUANTIZER | {
        "architectures": ["Wav2Vec2ForCTC"],
        "layerdrop": 0.0,
        "model_type": "wav2vec2",
        "torch_dtype": "float32",
        "transformers_version": "4.13.0.dev0",
        "use_weighted_layer_sum": False,
        "vocab_size": len(VOCABULARY),
    },
    "facebook/wav2vec2-xls-r-300m": _RAW | _QUANTIZER | {
        "architectures": ["Wav2Vec2ForPreTraining"],
        "model_type": "wav2vec2",
        "torch_dtype": "float32",
        "transformers_version": "4.12.0.dev0",
        "use_weighted_layer_sum": False,
    },
    "facebook/hubert-large-ll60k": _RAW | {
        "architectures": ["HubertModel"],
        "feat_extract_dropout": 0.0,
        "model_type": "hubert",
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "transformers_version": "4.10.0.dev0",
        "vocab_size": 32,
    },
    "microsoft/wavlm-large": _RAW | {
        "architectures": ["WavLMModel"],
        "conv_bias": False,
        "max_bucket_distance": 800,
        "model_type": "wavlm",
        "num_buckets": 320,
        "num_ctc_classes": 80,
        "replace_prob": 0.5,
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "torch_dtype": "float32",
        "transformers_version": "4.15.0.dev0",
        "vocab_size": 32,
    },
    "facebook/w2v-bert-2.0": _LAYERS | {
        "activation_dropout": 0.0,
        "adapter_act": "relu",
        "adapter_kernel_size": 3,
        "adapter_stride": 2,
        "add_adapter": False,
        "apply_spec_augment": False,
        "architectures": ["Wav2Vec2BertModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "conformer_conv_dropout": 0.1,
        "conv_depthwise_kernel_size": 31,
        "eos_token_id": 2,
        "feat_proj_dropout": 0.0,
        "feature_projection_input_dim": 160,
        "final_dropout": 0.1,
        "hidden_act": "swish",
        "hidden_dropout": 0.0,
        "layer_norm_eps": 1e-05,
        "layerdrop": 0.1,
        "left_max_position_embeddings": 64,
        "mask_time_prob": 0.05,
        "max_source_positions": 5000,
        "model_type": "wav2vec2-bert",
        "num_adapter_layers": 1,
        "output_hidden_size": 16,
        "pad_token_id": 0,
        "position_embeddings_type": "relative_key",
        "right_max_position_embeddings": 8,
        "rotary_embedding_base": 10000,
        "torch_dtype": "float32",
        "transformers_version": "4.37.0.dev0",
        "use_intermediate_ffn_before_adapter": False,
        "vocab_size": None,
    },
    "openai/whisper-tiny.en": {
        "activation_dropout": 0.0,
        "activation_function": "gelu",
        "architectures": ["WhisperForConditionalGeneration"],
        "attention_dropout": 0.0,
        "begin_suppress_tokens": [2, 3],
        "bos_token_id": 3,
        "d_model": 16,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 32,
        "decoder_layerdrop": 0.0,
        "decoder_layers": 1,
        "decoder_start_token_id": 4,
        "dropout": 0.0,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "encoder_layerdrop": 0.0,
        "encoder_layers": 2,
        "eos_token_id": 3,
        "forced_decoder_ids": [[1, 5]],
        "init_std": 0.02,
        "is_encoder_decoder": True,
        "max_source_positions": 1500,
        "max_target_positions": 16,
        "model_type": "whisper",
        "num_hidden_layers": 2,
        "num_mel_bins": 80,
        "pad_token_id": 3,
        "scale_embedding": False,
        "suppress_tokens": [1, 2],
        "torch_dtype": "float32",
        "transformers_version": "4.27.0.dev0",
        "use_cache": True,
        "vocab_size": 8,
    },
}  # fmt: skip

_RAW_PREPROCESSOR = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0,
    "return_attention_mask": True,
    "sampling_rate": 16000,
}
_PREPROCESSORS: dict[str, dict[str, Any]] = {
    "facebook/w2v-bert-2.0": {
        "feature_extractor_type": "SeamlessM4TFeatureExtractor",
        "feature_size": 80,
        "num_mel_bins": 80,
        "padding_side": "right",
        "padding_value": 1,
        "return_attention_mask": True,
        "sampling_rate": 16000,
        "stride": 2,
    },
    "openai/whisper-tiny.en": {
        "chunk_length": 30,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 80,
        "hop_length": 160,
        "n_fft": 400,
        "n_samples": 480000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "sampling_rate": 16000,
    },
}
_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
_TOKENIZER = _SPECIAL | {
    "do_phonemize": True,
    "phone_delimiter_token": " ",
    "phonemizer_backend": "espeak",
    "phonemizer_lang": "en-us",
    "tokenizer_class": "Wav2Vec2PhonemeCTCTokenizer",
    "word_delimiter_token": None,
}
# The first four came pickled, the others as safetensors.
_PICKLED = tuple(CONFIGS)[:4]


def publish_as(name: str, folder: Path, weights: Weights | None = None, **changes: Any) -> Any:
    """Write a checkpoint with random weights as `name` was published.

    Args:
        name: one of `CONFIGS`.
        folder: where its files go.
        weights: how they are kept; by default as published.
        changes: to its configuration.
    Returns:
        The model, in the class that it was published as.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "config.json", CONFIGS[name] | changes)
    write(folder / "preprocessor_config.json", _PREPROCESSORS.get(name, _RAW_PREPROCESSOR))
    if "ForCTC" in CONFIGS[name]["architectures"][0]:
        write(folder / "vocab.json", VOCABULARY)
        write(folder / "special_tokens_map.json", _SPECIAL)
        write(folder / "tokenizer_config.json", _TOKENIZER)
    torch.manual_seed(1)
    architecture = getattr(transformers, CONFIGS[name]["architectures"][0])
    model = architecture(transformers.AutoConfig.from_pretrained(folder)).eval()
    write_weights(model, folder, weights or ("zip" if name in _PICKLED else "safetensors"))
    return model


def write_weights(model: Any, folder: Path, weights: Weights) -> None:
    tensors = {_old_name(name): value.clone().contiguous() for name, value in model.state_dict().items()}
    if weights == "safetensors":
        tied = "proj_out.weight"  # Whisper's, of which safetensors keep one name
        save_file({k: v for k, v in tensors.items() if k != tied}, folder / "model.safetensors", {"format": "pt"})
    else:
        torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=weights == "zip")


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def change(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file."""
    write(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def _old_name(name: str) -> str:
    """Of PyTorch's weight normalisation before 2.0."""
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )
