"""Every reader on damaged files: a result, or one line that names the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.epadb import read_references
from asheard.corpora.l2arctic import parse_annotation, read_speakers
from asheard.corpora.manifests import read_build_report
from asheard.corpora.records import read_manifest, read_predictions
from asheard.corpora.speechocean762 import read_scp
from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.evaluation.context import read_context
from asheard.evaluation.steps import read_metrics
from asheard.io.textgrid import read_tiers
from asheard.phones import load_vectors
from asheard.prior import load_prior
from asheard.pronunciation.calibration import load_calibration
from asheard.recognition.registry import read_models
from asheard.training.options import read_options
from support.fuzzing import cases, changed_record, check, damaged, examples, json_bytes
from support.tiny_corpus import long_textgrid, short_textgrid

KEYS = [("S", "u1"), ("S", "u2"), ("T", "u1")]
TIERS = {"words": [("at", 2)], "phones": ["AE1", "T"]}
CHRONOLOGICAL = '"Praat chronological TextGrid text file"\n0 1\n1\n"IntervalTier" "phones" 0 1\n1 0 1 "AE1"\n'

TOKEN = {"canonical": "t", "perceived": "d", "error_type": "s", "start_s": 0.1, "end_s": 0.2, "score": 1.5}
MANIFEST = {"utt": "u1", "speaker": "S", "l1": "Thai", "wav": "a.wav", "text": "t", "seconds": 1.0, "tokens": [TOKEN]}
PREDICTION = {
    "utt": "u1", "speaker": "S", "chain": "mine", "phones": ["t", "i"],
    "confidences": [0.5, 1], "times_s": [[0, 0.1], [0.1, 0.2]], "position_scores": [1.5],
}  # fmt: skip
GOLD = {"utt": "u1", "speaker": "S", "l1": "Thai", "canonical": ["T", None], "perceived": ["D", "IY"], "seconds": 2}
PRODUCED = {"utt": "u1", "speaker": "S", "l1": "Thai", "canonical": "T IY", "produced": "D IY"}
SCORED = {
    "utt": "u1", "speaker": "S", "l1": "Thai", "canonical": "AE T", "scores": [2, 1.5],
    "words": [{"text": "AT", "phones": ["AE", "T"]}],
}  # fmt: skip
PRIOR = {
    "options": {"smoothing": "kneser-ney", "position": True, "pooled": False}, "threshold": 0.1, "p_min": 0.05,
    "speakers": ["S"], "contexts": [
        {"l1": "Thai", "canonical": "t", "position": "onset", "deleted": 1, "produced": {"t": 5, "d": 2}},
    ],
}  # fmt: skip
OPTIONS = {
    "kind": "faithful", "train": "t.jsonl", "val": "v.jsonl", "wav_root": ".", "checkpoint_dir": "c", "base": "b",
    "epochs": 2, "peak_lr": 0.001, "augment": True, "audio_cache": None, "schedule": "linear",
}  # fmt: skip
BUILD = {
    "corpus": "c", "num_read": [2, 1], "num_expected": None, "missing": {"S": 1}, "num_utterances": {"train": 2},
    "excluded": {"no scores": ["S/u1"]}, "synthetic": False, "num_speakers": [1, 1],
}  # fmt: skip
POINT = {"p_min": 0.1, "frr_class": 0.2, "guard": 0.3}
CONTEXT = {
    "corpus": "c", "split": "test", "base": "b", "notes": ["n"], "excluded": {"r": 1}, "num_shared_prompts": 2,
    "num_sharing": None, "validation": [{"chain": "c", "seed": 1, "epoch": 1, "per": 0.2}],
    "p_min": [{"p_min": 0.1, "curve": [POINT], "num_acceptable": 3, "num_errors": 2, "left_out": ["S"]}],
}  # fmt: skip
REGISTRY = """[transcribers.mine]
kind = "command"
command = "echo S IY"
limitations = ["It writes the same for every recording."]
[transcribers.other]
kind = "hub"
id = "some/model"
"""


def vectors_csv() -> bytes:
    return (Path(__file__).parents[2] / "src/asheard/phones/vectors.csv").read_bytes()


def rows(*values: object) -> bytes:
    return b"".join(json_bytes(value) + b"\n" for value in values)


class Reader(NamedTuple):
    """read: of a file called `file`; whole: files that it reads."""

    read: Callable[[Path], object]
    file: str
    whole: tuple[bytes, ...]


CSV = b'utt,speaker,l1,canonical,perceived,seconds\nu1,S,Thai,T IY,D -,1.5\nu2,S,Thai,"AE T",AE T,\n'
CTM = b";; comment\nS_u1 1 0.0 0.1 T 0.9\nS_u1 1 0.1 0.2 IY 0.5\nT_u1 A 0 .5 AH 1\n"
TEXTGRIDS = (
    long_textgrid(TIERS).encode(),
    short_textgrid(TIERS).encode("utf-16"),
    CHRONOLOGICAL.encode(),
)
READERS = {
    "manifest": Reader(read_manifest, "m.jsonl", (rows(MANIFEST, MANIFEST | {"utt": "u2"}),)),
    "predictions": Reader(read_predictions, "p.jsonl", (rows(PREDICTION),)),
    "transcripts": Reader(
        lambda path: read_transcripts(path, keys=KEYS),
        "t",
        (rows(PREDICTION), b'utt,speaker,phones,confidences\nu1,S,T IY,"0.5 1"\n', CTM),
    ),
    "ctm": Reader(lambda path: read_transcripts(path, keys=KEYS), "t.ctm", (CTM,)),
    "textgrid": Reader(read_tiers, "u1.TextGrid", TEXTGRIDS),
    "textgrid-transcripts": Reader(lambda path: read_transcripts(path, keys=KEYS), "S_u1.TextGrid", TEXTGRIDS),
    "annotation": Reader(parse_annotation, "u1.TextGrid", TEXTGRIDS),
    "gold": Reader(read_gold, "g", (CSV, rows(GOLD), rows(PRODUCED, PRODUCED | {"utt": "u2"}), rows(SCORED))),
    "prior": Reader(load_prior, "prior.json", (json_bytes(PRIOR),)),
    "calibration": Reader(load_calibration, "c.json", (b'{"slope": 1.5, "intercept": -2}',)),
    "vectors": Reader(load_vectors, "v.csv", (vectors_csv(),)),
    "registry": Reader(read_models, "r.toml", (REGISTRY.encode(),)),
    "options": Reader(read_options, "o.json", (json_bytes(OPTIONS),)),
    "corpus": Reader(lambda path: read_build_report(path.parent), "corpus.json", (json_bytes(BUILD),)),
    "context": Reader(read_context, "context.json", (json_bytes(CONTEXT),)),
    "metrics": Reader(lambda path: read_metrics(path.parent), "metrics.json", (b'{"chains": {}, "differences": []}',)),
    "speakers": Reader(
        lambda path: read_speakers(path.parent), "speakers.csv", (b"speaker,l1,split,synthetic\nS,Thai,test,yes\n",)
    ),
    "scp": Reader(read_scp, "text", (b"u1 SHE WANTS TO\nu2 A\n",)),
    "references": Reader(read_references, "r.txt", (b"TEXT 1: go\nTRANSCRIPTION 1: GH/G OW/0\n",)),
}
RECORDS = {
    "manifest": MANIFEST, "predictions": PREDICTION, "transcripts": PREDICTION, "gold": GOLD, "prior": PRIOR,
    "options": OPTIONS, "corpus": BUILD, "context": CONTEXT,
}  # fmt: skip


def read(name: str, folder: Path, data: bytes) -> None:
    """Write a file and read it."""
    reader = READERS[name]
    path = folder / reader.file
    path.write_bytes(data)
    check(name, data, lambda: reader.read(path), path.name)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", [name for name in READERS if name != "metrics"])
def test_readers_read_whole_files(folder, name):
    """The files that are damaged below are whole, or the test would try nothing but the first check."""
    for data in READERS[name].whole:
        path = folder / READERS[name].file
        path.write_bytes(data)
        assert READERS[name].read(path)


@pytest.mark.parametrize("name", READERS)
def test_readers_cases(folder, name):
    """Inputs that once ended in a traceback."""
    for case in cases(name):
        read(name, folder, case.read_bytes())


@pytest.mark.parametrize("name", READERS)
def test_readers_of_damaged_files(folder, name):
    @examples(100)
    @given(data=st.sampled_from(READERS[name].whole).flatmap(damaged))
    def property(data):
        read(name, folder, data)

    property()


@pytest.mark.parametrize("name", RECORDS)
def test_readers_of_changed_records(folder, name):
    @examples(150)
    @given(record=changed_record(RECORDS[name]))
    def property(record: Any):
        read(name, folder, json_bytes(record) + b"\n")

    property()


@pytest.mark.parametrize("name", READERS)
def test_readers_of_other_files(folder, name):
    """A file of another kind, any bytes, a deep one, a folder."""
    others = [whole for reader in READERS.values() for whole in reader.whole]
    for data in [
        *others,
        b"",
        b"\0",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"RIFF",
        json.dumps("x").encode(),
    ]:
        read(name, folder, data)

    @examples(20)
    @given(data=st.binary(max_size=100))
    def property(data):
        read(name, folder, data)

    property()
    path = folder / name / READERS[name].file
    path.mkdir(parents=True)
    if name not in ("transcripts", "textgrid-transcripts", "ctm", "speakers"):
        check(name, b"", lambda: READERS[name].read(path), path.name)
