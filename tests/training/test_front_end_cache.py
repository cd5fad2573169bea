"""The features of a frozen front end are kept once and shared; the weights do not depend on what was kept."""

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.errors import CorpusError
from asheard.io.audio import load_audio
from asheard.models import Encoder
from asheard.training import TrainingOptions, feature_cache, train
from asheard.training.feature_cache import FeatureCache, front_end_digest
from support.runs import assert_same_weights, keep_rows
from support.tone_corpus import TINY

WAV = "wav/train0.wav"
NUM_ROWS = 18
TOGETHER = 8  # recordings of two batches, the last of an epoch and the first of the next, that are read at once


def encoder_of(seed: int = 0, do_normalize: bool = True) -> Encoder:
    torch.manual_seed(seed)
    return Encoder(Wav2Vec2Model(Wav2Vec2Config(**TINY)), do_normalize=do_normalize)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("front-end/*/??/*.safetensors"))


@pytest.fixture
def computed(monkeypatch):
    """The lengths of the recordings that front ends computed features of."""
    lengths = []
    front_end = Encoder.front_end
    monkeypatch.setattr(Encoder, "front_end", lambda self, wave: lengths.append(len(wave)) or front_end(self, wave))
    return lengths


@pytest.fixture
def frozen(options, tmp_path):
    return keep_rows(options, NUM_ROWS) | {"freeze_front_end": True, "audio_cache": tmp_path / "cache", "epochs": 2}


def test_cache_entry_equals_the_features_of_the_recording_alone(tones, tmp_path, computed):
    encoder = encoder_of()
    cache = FeatureCache(encoder, tones, tmp_path)
    waveform = load_audio(tones, WAV)
    expected = encoder.front_end(torch.from_numpy(waveform))
    for _ in range(2):
        frames, num_samples = cache(WAV)
        assert torch.equal(frames, expected)
        assert frames.dtype == torch.float16
        assert num_samples == len(waveform)
    assert len(computed) == 2  # once here, once for the entry
    (entry,) = entries(tmp_path)
    assert torch.equal(load_file(entry)["frames"], expected)
    assert torch.equal(FeatureCache(encoder, tones, tmp_path)(WAV).frames, expected)
    assert len(computed) == 2


def test_train_ends_with_the_same_weights_whatever_was_kept(frozen, tmp_path, computed):
    def run(name: str, **changes) -> Path:
        computed.clear()
        return train(TrainingOptions(**frozen | {"checkpoint_dir": tmp_path / name} | changes))

    cold = run("cold")
    assert NUM_ROWS <= len(computed) <= NUM_ROWS + TOGETHER  # in the first epoch; the second reads
    kept = entries(frozen["audio_cache"])
    assert len(kept) == NUM_ROWS

    warm = run("warm")
    assert not computed

    for entry in kept[::2]:
        entry.unlink()
    kept[1].write_bytes(kept[1].read_bytes()[:-1])
    half = run("half")
    assert NUM_ROWS // 2 + 1 <= len(computed) <= NUM_ROWS // 2 + 1 + TOGETHER
    assert entries(frozen["audio_cache"]) == kept

    never = run("never", audio_cache=None)
    assert len(computed) == 2 * NUM_ROWS
    for final in (warm, half, never):
        assert_same_weights(cold, final)


def test_train_shares_entries_among_models_seeds_and_the_pilot(frozen, tmp_path, computed, monkeypatch):
    monkeypatch.setattr("asheard.training.loop.gate_reasons", lambda *_: [])
    train(TrainingOptions(**frozen | {"pilot": 3, "epochs": 1}))
    assert len(entries(frozen["audio_cache"])) == NUM_ROWS
    computed.clear()
    other = {"checkpoint_dir": tmp_path / "other", "kind": "l1-aware", "seed": 2, "epochs": 1}
    train(TrainingOptions(**frozen | other))
    assert not computed


@pytest.mark.parametrize("changes", [{"augment": True}, {"freeze_front_end": False}])
def test_train_keeps_nothing_if_features_change(frozen, computed, changes):
    train(TrainingOptions(**frozen | changes))
    assert not computed
    assert not entries(frozen["audio_cache"])


def test_train_keeps_nothing_of_log_mel_front_ends(frozen, tones, computed):
    train(TrainingOptions(**frozen | {"base": str(tones / "conformer"), "epochs": 1}))
    assert not computed


def test_front_end_digest_covers_what_decides_features():
    encoder = encoder_of()
    digest = front_end_digest(encoder)
    with torch.no_grad():
        encoder.backbone.feature_projection.projection.weight.zero_()
    assert front_end_digest(encoder) == digest
    assert front_end_digest(encoder_of(seed=1)) != digest
    assert front_end_digest(encoder_of(do_normalize=False)) != digest
    encoder.backbone.config.feat_extract_activation = "relu"
    assert front_end_digest(encoder) != digest


def test_cache_reports_a_full_disk_once(tones, tmp_path, capsys, monkeypatch):
    encoder = encoder_of()
    kept = FeatureCache(encoder, tones, tmp_path)(WAV)
    monkeypatch.setattr(feature_cache, "_LEFT_FREE", 2**60)
    cache = FeatureCache(encoder, tones, tmp_path)
    for wav in ("wav/train1.wav", "wav/train2.wav", WAV):
        frames, num_samples = cache(wav)
        assert len(frames) == encoder.num_frames(torch.tensor(num_samples))
    printed = capsys.readouterr().err
    assert printed.count("no more features of the front end are kept") == 1
    assert "GB are free, and 1152921504.6 GB are reserved for checkpoints" in printed
    assert torch.equal(frames, kept.frames)
    assert len(entries(tmp_path)) == 1


def test_cache_leaves_no_partial_entry(tones, tmp_path, capsys):
    cache = FeatureCache(encoder_of(), tones, tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        frames, _ = cache(WAV)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(frames) > 20
    assert "no more features of the front end are kept" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_cache_names_a_missing_recording(tones, tmp_path):
    with pytest.raises(CorpusError, match=r"gone.wav: no such recording"):
        FeatureCache(encoder_of(), tones, tmp_path)("wav/gone.wav")
