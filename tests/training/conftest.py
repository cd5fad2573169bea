"""One corpus of tones, and a tiny base of each architecture, for all training tests."""

import pytest
from tone_corpus import write_base, write_corpus

from asheard.models import CTCTranscriber, export_ctc
from tiny_log_mel_encoders import tiny_conformer


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
    export_ctc(CTCTranscriber(tiny_conformer(mask_time_length=4)), root / "conformer", {})
    return root


@pytest.fixture
def options(tones, tmp_path):
    """Keywords of a short faithful run; change any of them."""
    return {
        "kind": "faithful",
        "train": tones / "train.jsonl",
        "val": tones / "val.jsonl",
        "wav_root": tones,
        "checkpoint_dir": tmp_path / "run",
        "base": str(tones / "base"),
        "epochs": 2,
        "batch_seconds": 4.0,
        "freeze_front_end": False,
        "peak_lr": 3e-3,
    }
