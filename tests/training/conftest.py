"""One corpus of tones and one tiny base for all training tests."""

import pytest
from tone_corpus import write_base, write_corpus


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
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
