"""Posteriors of our models: one array a recording, the same in a batch as alone, and what transcripts are read from."""

import numpy as np
import pytest
import torch

from asheard.models import CTCTranscriber, L1AwareCTC
from asheard.phones import phone_to_id
from asheard.recognition.decoding import find_segments
from support.tiny_checkpoints import tiny_encoder

LENGTHS = (16_000, 100, 9_000, 12_345)


@pytest.mark.parametrize("make", [CTCTranscriber, L1AwareCTC])
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_recognise_posteriors_decode_to_the_transcript(make, norm):
    torch.manual_seed(0)
    model = make(tiny_encoder(norm)).eval()
    random = np.random.default_rng(0)
    waveforms = [random.normal(0, 0.1, length).astype(np.float32) for length in LENGTHS]
    l1s = [None, "Hindi", "Arabic", "Spanish"]
    recognitions = model.recognise(waveforms, l1s)
    posteriors = [one.posteriors.log_probs for one in recognitions]
    assert [frames.shape for frames in posteriors] == [(49, 42), (0, 42), (27, 42), (38, 42)]
    assert {frames.dtype for frames in posteriors} == {np.dtype(np.float32)}
    transcripts = [one.transcript for one in recognitions]
    for waveform, l1, frames, transcript in zip(waveforms, l1s, posteriors, transcripts, strict=True):
        (alone,) = model.recognise([waveform], [l1])
        np.testing.assert_allclose(frames, alone.posteriors.log_probs, atol=1e-5)
        if len(frames):
            np.testing.assert_allclose(np.exp(frames).sum(1), 1, atol=1e-5)
            greedy = [segment.label_id for segment in find_segments(frames)]
            assert [phone_to_id(phone) for phone in transcript.phones] == greedy
