"""Features of a frozen front end: kept once, shared, and the same weights whether they were there or not."""

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.errors import CorpusError
from asheard.io.audio import load_audio
from asheard.models import Encoder
from asheard.training import TrainingOptions, train
from asheard.training import feature_cache as front_end_cache
from asheard.training.feature_cache import FrontEndCache, front_end_digest
from support.runs import assert_same_weights
from support.tone_corpus import TINY

WAV = "wav/train0.wav"
TOGETHER = 8  # recordings of two batches, the end of an epoch and the start of the next, that are read at one time


def encoder_of(seed: int = 0, do_normalize: bool = True) -> Encoder:
    torch.manual_seed(seed)
    return Encoder(Wav2Vec2Model(Wav2Vec2Config(**TINY)), do_normalize=do_normalize)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("front-end/*/??/*.safetensors"))


@pytest.fixture
def heard(monkeypatch):
    """How many recordings front ends have heard."""
    lengths = []
    front_end = Encoder.front_end
    monkeypatch.setattr(Encoder, "front_end", lambda self, wave: lengths.append(len(wave)) or front_end(self, wave))
    return lengths


@pytest.fixture
def frozen(options, tmp_path):
    return options | {"freeze_front_end": True, "audio_cache": tmp_path / "cache"}


def test_an_entry_is_what_the_front_end_makes_of_a_recording_alone(tones, tmp_path, heard):
    encoder = encoder_of()
    cache = FrontEndCache(encoder, tones, tmp_path)
    waveform = load_audio(tones, WAV)
    expected = encoder.front_end(torch.from_numpy(waveform))
    for _ in range(2):
        frames, num_samples = cache(WAV)
        assert torch.equal(frames, expected)
        assert frames.dtype == torch.float16
        assert num_samples == len(waveform)
    assert len(heard) == 2  # once here, once for the entry
    (entry,) = entries(tmp_path)
    assert torch.equal(load_file(entry)["frames"], expected)
    assert torch.equal(FrontEndCache(encoder, tones, tmp_path)(WAV).frames, expected)
    assert len(heard) == 2


def test_the_weights_do_not_depend_on_what_was_kept(frozen, tmp_path, heard):
    def run(name: str, **changes) -> Path:
        heard.clear()
        return train(TrainingOptions(**frozen | {"checkpoint_dir": tmp_path / name} | changes))

    cold = run("cold")
    assert 48 <= len(heard) <= 48 + TOGETHER  # in the first epoch; the second reads
    kept = entries(frozen["audio_cache"])
    assert len(kept) == 48

    warm = run("warm")
    assert not heard

    for entry in kept[::2]:
        entry.unlink()
    kept[1].write_bytes(kept[1].read_bytes()[:-1])
    half = run("half")
    assert 25 <= len(heard) <= 25 + TOGETHER
    assert entries(frozen["audio_cache"]) == kept

    never = run("never", audio_cache=None)
    assert len(heard) == 96
    for final in (warm, half, never):
        assert_same_weights(cold, final)


def test_models_and_seeds_share_entries_and_so_does_the_pilot(frozen, tmp_path, heard, monkeypatch):
    monkeypatch.setattr("asheard.training.loop.gate_reasons", lambda *_: [])
    train(TrainingOptions(**frozen | {"pilot": 3, "epochs": 1}))
    assert len(entries(frozen["audio_cache"])) == 48
    heard.clear()
    other = {"checkpoint_dir": tmp_path / "other", "kind": "l1-aware", "seed": 2, "epochs": 1}
    train(TrainingOptions(**frozen | other))
    assert not heard


@pytest.mark.parametrize("changes", [{"augment": True}, {"freeze_front_end": False}])
def test_nothing_is_kept_where_features_change(frozen, heard, changes):
    train(TrainingOptions(**frozen | {"epochs": 1} | changes))
    assert not heard
    assert not entries(frozen["audio_cache"])


def test_a_front_end_that_ends_in_no_projection_is_heard_each_time(frozen, tones, heard):
    train(TrainingOptions(**frozen | {"base": str(tones / "conformer"), "epochs": 1}))
    assert not heard


def test_what_decides_features_is_in_the_key():
    encoder = encoder_of()
    digest = front_end_digest(encoder)
    with torch.no_grad():
        encoder.backbone.feature_projection.projection.weight.zero_()
    assert front_end_digest(encoder) == digest
    assert front_end_digest(encoder_of(seed=1)) != digest
    assert front_end_digest(encoder_of(do_normalize=False)) != digest
    encoder.backbone.config.feat_extract_activation = "relu"
    assert front_end_digest(encoder) != digest


def test_a_disk_without_room_is_told_of_once(tones, tmp_path, capsys, monkeypatch):
    encoder = encoder_of()
    kept = FrontEndCache(encoder, tones, tmp_path)(WAV)
    monkeypatch.setattr(front_end_cache, "_LEFT_FREE", 2**60)
    cache = FrontEndCache(encoder, tones, tmp_path)
    for wav in ("wav/train1.wav", "wav/train2.wav", WAV):
        frames, num_samples = cache(wav)
        assert len(frames) == encoder.num_frames(torch.tensor(num_samples))
    told = capsys.readouterr().err
    assert told.count("no more features of the front end are kept") == 1
    assert "GB are free, and 1152921504.6 GB are for checkpoints" in told
    assert torch.equal(frames, kept.frames)
    assert len(entries(tmp_path)) == 1


def test_an_entry_that_cannot_be_written_leaves_nothing_behind(tones, tmp_path, capsys):
    cache = FrontEndCache(encoder_of(), tones, tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        frames, _ = cache(WAV)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(frames) > 20
    assert "no more features of the front end are kept" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_missing_recording_is_named(tones, tmp_path):
    with pytest.raises(CorpusError, match=r"gone.wav: no such recording"):
        FrontEndCache(encoder_of(), tones, tmp_path)("wav/gone.wav")
