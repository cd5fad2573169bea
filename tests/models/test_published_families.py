"""Every family of phoneme CTC checkpoints on the hub decodes as transformers itself does."""

import json
from itertools import groupby

import numpy as np
import pytest
import torch
import transformers

from asheard.models import load_transcriber
from asheard.phones import PHONES
from asheard.recognition.protocol import Transcript
from support.transcripts import transcripts

LABELS = ["<pad>", *PHONES]
WAVEFORMS = [np.random.default_rng(i).normal(0, 0.1, 16_000 + 3_333 * i).astype(np.float32) for i in range(3)]
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
RAW = SMALL | {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0}
FAMILIES = {
    "data2vec-audio": RAW,
    "hubert": RAW,
    "sew": RAW | {"squeeze_factor": 2, "conv_stride": (5, 2, 2, 2, 2, 2, 2), "conv_kernel": (10, 3, 3, 3, 3, 2, 2)},
    "unispeech": RAW,
    "unispeech-sat": RAW | {"bos_token_id": 1, "eos_token_id": 2},
    "wav2vec2": RAW,
    "wav2vec2-bert": SMALL | {"output_hidden_size": 16, "feature_projection_input_dim": 160},
    "wav2vec2-conformer": RAW,
    "wavlm": RAW,
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_family_off_the_shelf(tmp_path, family, norm):
    torch.manual_seed(2)
    config = transformers.AutoConfig.for_model(family, **FAMILIES[family], vocab_size=len(LABELS), pad_token_id=0)
    model = transformers.AutoModelForCTC.from_config(config).eval()
    model.save_pretrained(tmp_path)
    mel = family == "wav2vec2-bert"
    extractor = transformers.SeamlessM4TFeatureExtractor() if mel else transformers.Wav2Vec2FeatureExtractor()
    extractor.save_pretrained(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps({label: i for i, label in enumerate(LABELS)}))

    transcripts = [one.transcript for one in load_transcriber(tmp_path).recognise(WAVEFORMS, [None] * 3)]
    for waveform, transcript in zip(WAVEFORMS, transcripts, strict=True):
        features = extractor(waveform, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            best = model(**features).logits[0].argmax(-1)
        if mel:  # it pads to a whole frame of two windows
            best = best[: features["attention_mask"].sum()]
        runs = [(label, len(list(frames))) for label, frames in groupby(best.tolist())]
        ends = np.cumsum([length for _, length in runs]) * 0.02
        assert transcript.phones == tuple(LABELS[label] for label, _ in runs if label)
        assert [end for _, end in transcript.times_s] == pytest.approx(
            [end for end, (label, _) in zip(ends, runs, strict=True) if label]
        )
        assert len(transcript.phones) > 3


def test_family_of_mel_short_recordings(tmp_path):
    """Shorter than one frame of two windows."""
    config = transformers.Wav2Vec2BertConfig(**FAMILIES["wav2vec2-bert"], vocab_size=len(LABELS), pad_token_id=0)
    transformers.Wav2Vec2BertForCTC(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps({label: i for i, label in enumerate(LABELS)}))
    transformers.SeamlessM4TFeatureExtractor().save_pretrained(tmp_path)
    model = load_transcriber(tmp_path)
    short, long = transcripts(model, [WAVEFORMS[0][:559], WAVEFORMS[0][:560]])
    assert short == Transcript((), (), ())
    assert len(long.phones) <= 1
    assert model.encoder.num_frames(torch.tensor([0, 559, 560, 879, 880])).tolist() == [0, 0, 1, 1, 2]
