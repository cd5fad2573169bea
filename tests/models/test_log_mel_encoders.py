"""The Conformer and Whisper's encoder: log-mel, rows that do not see their batch, folders, what training touches."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.testing import assert_close
from transformers import AutoModelForCTC

from asheard.models import (
    ConformerForCTC,
    CTCTranscriber,
    L1AwareCTC,
    WhisperForCTC,
    load_transcriber,
    pad,
    save_transcriber,
)
from support.tiny_log_mel_encoders import tiny_conformer, tiny_whisper
from support.transcripts import transcripts

LENGTHS = (400, 401, 479, 480, 1_000, 16_000, 23_457)
WAVEFORMS = [np.random.default_rng(i).normal(0, 0.1, length).astype(np.float32) for i, length in enumerate(LENGTHS)]
NO_L1S = [None] * len(WAVEFORMS)


@pytest.fixture(scope="module", params=[tiny_conformer, tiny_whisper])
def tiny(request):
    """Makes an encoder, with changes to its configuration."""
    return request.param


@pytest.fixture
def faithful(tiny):
    return CTCTranscriber(tiny()).eval()


def mels_of(encoder, padded, num_samples):
    """What goes into the first convolution: (B, bands, T)."""
    seen = []
    handle = first_convolution(encoder).register_forward_pre_hook(lambda _, given: seen.append(given))
    encoder(padded, num_samples)
    handle.remove()
    ((mel,),) = seen
    return mel


def first_convolution(encoder):
    return next(part for part in encoder.backbone.feature_extractor.modules() if isinstance(part, nn.Conv1d))


def test_log_mel_equals_numpy():
    encoder = tiny_conformer()
    filters = encoder.backbone.feature_extractor.mel_filters.numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    padded, num_samples = pad(WAVEFORMS)
    mels = mels_of(encoder, padded, num_samples).numpy()
    for waveform, mel in zip(WAVEFORMS, mels, strict=True):
        mirrored = np.pad(waveform.astype(np.float64), 200, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(mirrored, 400)[::160]
        expected = np.log(np.maximum(np.abs(np.fft.rfft(windows * window)) ** 2 @ filters, 1e-10)).T
        assert_close(mel[:, : expected.shape[1]], expected, atol=1e-3, rtol=1e-4, check_dtype=False)
        assert not mel[:, expected.shape[1] :].any()


@torch.inference_mode()
def test_encoder_row_does_not_depend_on_its_batch(tiny):
    encoder = tiny()
    assert encoder.independent_of_padding
    padded, num_samples = pad(WAVEFORMS)
    together = encoder(padded, num_samples)
    for waveform, frames, length in zip(WAVEFORMS, together, encoder.num_frames(num_samples), strict=True):
        assert_close(frames[:length], encoder(torch.from_numpy(waveform)[None])[0], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_num_frames_is_the_number_of_output_frames(tiny):
    encoder = tiny()
    assert encoder.frame_s == 0.02
    assert encoder.num_frames(torch.tensor([0, 1, 200, 399])).tolist() == [0, 0, 0, 0]
    edges = [edge + step for edge in range(480, 2_000, 160) for step in (-1, 0, 1)]
    for length in (400, *edges, 15_999, 16_000, 16_001):
        assert encoder(torch.zeros(1, length)).shape[1] == encoder.num_frames(torch.tensor(length)), length


def test_recognise_short_recordings_gives_no_phones(faithful):
    short = [np.zeros(0, np.float32), np.ones(399, np.float32), WAVEFORMS[-1]]
    recognitions = faithful.recognise(short, [None] * 3)
    assert [len(one.posteriors.log_probs) for one in recognitions] == [0, 0, 74]
    assert [one.transcript.phones for one in recognitions[:2]] == [(), ()]


@pytest.mark.parametrize("kind", [CTCTranscriber, L1AwareCTC])
def test_folder_round_trip(kind, tiny, tmp_path):
    model = kind(tiny()).eval()
    folder = save_transcriber(model, tmp_path / "final", {})
    loaded = load_transcriber(folder)
    assert type(loaded) is kind
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert transcripts(loaded, WAVEFORMS, NO_L1S) == transcripts(model, WAVEFORMS, NO_L1S)


def test_folder_faithful_is_an_ordinary_checkpoint(faithful, tmp_path):
    folder = save_transcriber(faithful, tmp_path / "final", {})
    published, found = AutoModelForCTC.from_pretrained(folder, output_loading_info=True)
    assert isinstance(published, ConformerForCTC | WhisperForCTC)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    padded, num_samples = pad(WAVEFORMS)
    mask = (torch.arange(padded.shape[1]) < num_samples[:, None]).long()
    assert torch.equal(published(padded, attention_mask=mask).logits, faithful(padded, num_samples))


def test_load_transcriber_makes_half_precision_single(faithful, tmp_path):
    folder = save_transcriber(faithful, tmp_path / "final", {})
    weights = folder / "model.safetensors"
    halves = {name: tensor.half() for name, tensor in load_file(weights).items()}
    before = weights.stat().st_size
    save_file(halves, weights, metadata={"format": "pt"})
    assert weights.stat().st_size < 0.6 * before
    loaded = load_transcriber(folder)
    prefix = loaded.encoder.backbone.base_model_prefix
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, halves[name.replace("ctc_head", "lm_head").replace("encoder.backbone", prefix)])
    before, after = (model.recognise(WAVEFORMS, NO_L1S) for model in (faithful, loaded))
    for one, other in zip(before, after, strict=True):
        assert_close(one.posteriors.log_probs, other.posteriors.log_probs, atol=0.02, rtol=0.0)


def test_gradient_of_every_weight_except_mel_filters(tiny):
    model = CTCTranscriber(tiny()).train()
    assert "encoder.backbone.feature_extractor.mel_filters" in dict(model.named_buffers())
    model(*pad(WAVEFORMS)).log_softmax(-1)[..., 3].sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_frozen_front_end_does_not_change(tiny):
    model = CTCTranscriber(tiny()).train()
    model.encoder.freeze_front_end()
    model(*pad(WAVEFORMS)).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == ("feature_extractor" in name), name


def test_spec_augment_hides_frames_and_bands_in_training_only(tiny):
    encoder = tiny(
        apply_spec_augment=True,
        mask_time_prob=0.2,
        mask_time_length=5,
        mask_feature_prob=0.3,
        mask_feature_length=3,
    )
    padded, num_samples = pad(WAVEFORMS[-2:])
    plain = mels_of(encoder, padded, num_samples)
    assert torch.equal(plain, mels_of(encoder, padded, num_samples))
    np.random.seed(0)
    augmented = mels_of(encoder.train(), padded, num_samples)
    for before, after, length in zip(plain, augmented, (num_samples // 160 + 1).tolist(), strict=True):
        assert not after[:, length:].any()
        before, after = before[:, :length], after[:, :length]
        hidden = after != before
        assert_close(after[hidden], before.mean().expand_as(after[hidden]))
        frames, bands = hidden.all(0), hidden.all(1)
        assert torch.equal(hidden, frames[None, :] | bands[:, None])
        assert 5 <= frames.sum() < length // 2
        assert 3 <= bands.sum() < len(bands)
    assert not torch.equal(augmented, mels_of(encoder, padded, num_samples))


def test_spec_augment_off_gives_the_frames_of_inference(tiny):
    encoder = tiny()
    padded, num_samples = pad(WAVEFORMS)
    before = encoder(padded, num_samples)
    assert_close(encoder.train()(padded, num_samples), before, atol=1e-5, rtol=1e-5)


def test_log_mel_under_autocast_is_in_single_precision(tiny):
    encoder = tiny()
    padded, num_samples = pad(WAVEFORMS)
    plain = mels_of(encoder, padded, num_samples)
    assert plain.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(mels_of(encoder, padded, num_samples), plain)
        assert first_convolution(encoder)(plain).dtype == torch.bfloat16
