"""A corpus of tones, a tiny base of each architecture, and processes, for all training tests."""

import pytest

from asheard.models import CTCTranscriber, export_ctc
from support.runs import Processes, short
from support.tiny_log_mel_encoders import tiny_conformer
from support.tone_corpus import write_base, write_corpus


@pytest.fixture(scope="module", autouse=True)
def without_graphs():
    """Write no ONNX graph after a training: it takes longer than a tiny model's epoch, and tests/models tests it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asheard.models.folder.MAX_GRAPH_PARAMETERS", 0)
        yield


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
    export_ctc(CTCTranscriber(tiny_conformer(mask_time_length=4)), root / "conformer", {})
    return root


@pytest.fixture
def options(tones, tmp_path):
    return short(tones, tmp_path / "run")


@pytest.fixture(scope="session")
def processes():
    return Processes()
