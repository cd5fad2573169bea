"""A base of every published family trains, and the trained model can be loaded again."""

import pytest
import torch
import transformers

from asheard.corpora.records import read_manifest, write_manifest
from asheard.io.audio import load_audio
from asheard.models import load_encoder, load_transcriber, save_transcriber
from asheard.training import TrainingOptions, train
from support.published_layouts import CONFIGS, publish_as

STEPS = 2


@pytest.fixture(scope="module", params=CONFIGS)
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    publish_as(request.param, folder)
    return folder


@pytest.mark.parametrize("kind", ["faithful", "l1-aware"])
def test_train_saves_a_model_of_every_family(kind, base, options, tones, tmp_path):
    for split in ("train", "val"):
        write_manifest(tmp_path / f"{split}.jsonl", read_manifest(tones / f"{split}.jsonl")[:6])
    final = train(
        TrainingOptions(
            **options
            | {"kind": kind, "base": str(base), "train": tmp_path / "train.jsonl", "val": tmp_path / "val.jsonl"}
            | {"freeze_front_end": True, "epochs": STEPS, "batch_seconds": 60.0, "dropout": 0.1}
            | {"mask_feature_prob": 0.1, "mask_feature_length": 2}
        )
    )
    rows = read_manifest(tmp_path / "val.jsonl")
    waveforms = [load_audio(tones, row.wav) for row in rows]
    model = load_transcriber(final)
    recognitions = model.recognise(waveforms, [row.l1 for row in rows])
    for waveform, one in zip(waveforms, recognitions, strict=True):
        assert one.posteriors.log_probs.shape == (int(model.encoder.num_frames(torch.tensor(len(waveform)))), 42)
    assert model.encoder.config.hidden_dropout == 0.1
    again = load_transcriber(save_transcriber(model, tmp_path / "again", {}))
    for one, same in zip(recognitions, again.recognise(waveforms, [row.l1 for row in rows]), strict=True):
        assert (one.posteriors.log_probs == same.posteriors.log_probs).all()

    before, after = load_encoder(base).state_dict(), load_encoder(final).state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("feature_extractor" in name for name in changed)
    if kind == "faithful":
        published, found = transformers.AutoModelForCTC.from_pretrained(final, output_loading_info=True)
        assert not found["missing_keys"]
        assert not found["unexpected_keys"]
        assert published.config.vocab_size == 42


def test_build_model_keeps_a_head_that_writes_phones(tmp_path):
    from asheard.training.step import build_model

    for name in CONFIGS:
        folder = tmp_path / name
        publish_as(name, folder)
        paths = {"train": tmp_path, "val": tmp_path, "wav_root": tmp_path, "checkpoint_dir": tmp_path}
        _, fresh = build_model(TrainingOptions(kind="faithful", base=str(folder), **paths), ["Hindi"])
        assert bool(fresh) == (name != "facebook/wav2vec2-lv-60-espeak-cv-ft"), name
