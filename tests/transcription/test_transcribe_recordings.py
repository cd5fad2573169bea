"""One's own recordings, without a manifest: printed, or a row each."""

import json
import shlex
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import soundfile

from asheard import transcription
from asheard.corpora.records import ErrorType, Token, Utterance, read_predictions, write_manifest
from asheard.io.audio import load_recording
from asheard.io.files import read_jsonl
from asheard.transcription import transcribe_recordings
from support.in_process import run
from support.tone_files import TIMED, write

NUM_FILES = 40  # two chunks
MODEL = "command:echo K T"
# Prints times and confidences of the phones.


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path):
    """Two speakers' recordings of all sorts, and one beside them."""
    root = tmp_path / "mine"
    for speaker in ("A", "B"):
        (root / speaker).mkdir(parents=True)
    write(root / "A" / "u1.wav")
    write(root / "A" / "u2.flac", rate_hz=44_100, channels=2)
    write(root / "B" / "u1.ogg", rate_hz=8_000)
    write(root / "alone.wav")
    return root


def test_transcribe_recordings_one_row_a_file(asheard, folder, tmp_path):
    out = tmp_path / "mine.jsonl"
    done = asheard("transcribe", folder, "--model", MODEL, "--out", out)
    assert (done.code, "4 utterances by echo" in done.out) == (0, True), done
    rows = read_predictions(out)
    assert [row.key for row in rows] == [("A", "u1"), ("A", "u2"), ("B", "u1"), ("", "alone")]
    assert {row.phones for row in rows} == {("k", "t")}
    assert {row.chain for row in rows} == {"echo"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.jsonl"]


def test_transcribe_recordings_files_folders_and_chain(asheard, folder, tmp_path):
    out = tmp_path / "mine.jsonl"
    sources = (folder / "alone.wav", folder / "A")
    done = asheard("transcribe", *sources, "--model", MODEL, "--out", out, "--chain", "deaf")
    assert done.code == 0
    assert [(row.utt, row.chain) for row in read_predictions(out)] == [(utt, "deaf") for utt in ("alone", "u1", "u2")]


def test_transcribe_recordings_can_be_evaluated(asheard, folder, tmp_path):
    """The gold names the speaker of the recording that lies in no speaker's folder."""
    tokens = (Token("k", "k", ErrorType.OK), Token("d", "t", ErrorType.SUBSTITUTION))
    keys = [("A", "u1"), ("A", "u2"), ("B", "u1"), ("C", "alone")]
    gold = [Utterance(utt, speaker, "Thai", None, None, tokens) for speaker, utt in keys]
    write_manifest(tmp_path / "gold.jsonl", gold)
    transcribe_recordings(MODEL, [folder], tmp_path / "mine.jsonl")
    metrics = tmp_path / "scored" / "metrics.json"
    done = asheard(
        "evaluate",
        "--gold",
        tmp_path / "gold.jsonl",
        "--chain",
        f"echo={tmp_path / 'mine.jsonl'}",
        "--out",
        metrics.parent,
    )
    assert done.code == 0, done.err
    assert json.loads(metrics.read_text())["chains"]["echo"]["pooled"]["collapse"] == 0.0


def test_transcribe_recordings_reports_unreadable_files(asheard, folder, tmp_path):
    (folder / "A" / "paper.wav").write_bytes(b"%PDF-1.7")
    (folder / "A" / "memo.m4a").write_bytes(b"\0" * 100)
    (folder / "B" / "empty.wav").touch()
    out = tmp_path / "mine.jsonl"
    done = asheard("transcribe", folder, "--model", MODEL, "--out", out)
    assert done.code == 2
    *errors, last = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert [error.removeprefix(f"error: {folder}/").split(": ")[0] for error in errors] == [
        "A/memo.m4a",
        "A/paper.wav",
        "B/empty.wav",
    ]
    assert all(word in " ".join(errors) for word in ("ffmpeg", "an empty file"))
    assert last == f"error: 3 recordings could not be read and have no row in {out}"
    assert len(read_predictions(out)) == 4


def test_transcribe_recordings_reports_files_without_speech(asheard, folder, tmp_path):
    soundfile.write(folder / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    soundfile.write(folder / "silent.wav", np.zeros(16_000), 16_000)
    out = tmp_path / "mine.jsonl"
    done = asheard("transcribe", folder, "--model", MODEL, "--out", out)
    assert done.code == 2
    assert f"warning: no speech in {folder}/noise.wav: its level never changes" in done.err
    assert f"warning: {folder}/silent.wav: silent from end to end" in done.err
    assert len(read_predictions(out)) == 6
    reasons = {row["utt"]: row.get("without_speech", "") for _, row in read_jsonl(out)}
    assert "its level never changes" in reasons["noise"]
    assert "silent from end to end" in reasons["silent"]
    assert not any(reasons[utt] for utt in reasons.keys() - {"noise", "silent"})


def test_transcribe_recordings_refuses_two_files_of_one_name(asheard, folder, tmp_path):
    shutil.copy(folder / "A" / "u1.wav", folder / "A" / "u2.wav")
    out = tmp_path / "mine.jsonl"
    done = asheard("transcribe", folder, "--model", MODEL, "--out", out)
    assert done.code == 2
    assert f"{folder}/A/u2.flac and {folder}/A/u2.wav have one name, A/u2" in done.err
    assert not out.exists()


def test_transcribe_recordings_refuses_a_folder_as_out(asheard, folder, tmp_path):
    done = asheard("transcribe", folder, "--model", "command:false", "--out", tmp_path)
    assert (done.code, "is a folder; name a file in it" in done.err) == (2, True)


def test_transcribe_recordings_resumes(tmp_path, monkeypatch):
    """Killed in the second batch; the unreadable file of the first is still reported."""
    folder, out = tmp_path / "many", tmp_path / "many.jsonl"
    folder.mkdir()
    for number in range(NUM_FILES):
        write(folder / f"{number:02}.wav", seconds=0.2)
    (folder / "03.wav").write_bytes(b"nothing")
    whole = transcribe_recordings(MODEL, [folder], tmp_path / "whole.jsonl")
    read: list[str] = []

    def reading(path):
        if len(read) == 35:
            raise KeyboardInterrupt
        read.append(path)
        return load_recording(path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_recording", reading)
        transcribe_recordings(MODEL, [folder], out)
    assert not out.exists()
    done = transcribe_recordings(MODEL, [folder], out)
    assert (done.num_resumed, done.num_rows, done.unread) == (32, NUM_FILES - 1, whole.unread)
    assert out.read_text() == whole.out.read_text()
    assert "03.wav" in done.unread[0]
    assert not list(tmp_path.glob(".*"))


def test_transcribe_recordings_of_a_changed_folder_starts_anew(tmp_path, monkeypatch):
    folder, out = tmp_path / "many", tmp_path / "many.jsonl"
    folder.mkdir()
    for number in range(NUM_FILES):
        write(folder / f"{number:02}.wav", seconds=0.2)

    def failing(path):
        if path.endswith("35.wav"):
            raise KeyboardInterrupt
        return load_recording(path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_recording", failing)
        transcribe_recordings(MODEL, [folder], out)
    (folder / "00.wav").unlink()
    done = transcribe_recordings(MODEL, [folder], out)
    assert (done.num_resumed, done.num_rows) == (0, NUM_FILES - 1)


def test_transcribe_command_prints_times_and_confidences(asheard, folder, tmp_path):
    (tmp_path / "timed.py").write_text(TIMED)
    model = "command:" + shlex.join([sys.executable, "-S", str(tmp_path / "timed.py")])
    done = asheard("transcribe", folder / "alone.wav", "--model", model)
    assert done.code == 0
    first, *table = done.out.splitlines()
    assert first == f"{folder}/alone.wav: h ʌ"
    assert [line.split() for line in table] == [
        ["phone", "start", "s", "end", "s", "confidence"],
        ["h", "0.10", "0.20", "0.90"],
        ["ʌ", "0.20", "0.35", "0.25"],
    ]


def test_transcribe_command_omits_unknown_columns(asheard, folder):
    done = asheard("transcribe", folder / "alone.wav", folder / "B", "--model", MODEL)
    assert done.out.splitlines() == [f"{folder}/alone.wav: k t", f"{folder}/B/u1.ogg: k t"]


def test_transcribe_command_prints_the_others_of_a_bad_file(asheard, folder):
    soundfile.write(folder / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    done = asheard("transcribe", folder / "noise.wav", folder / "alone.wav", "--model", MODEL)
    assert done.code == 2
    assert done.out == f"{folder}/noise.wav: no speech\n{folder}/alone.wav: k t\n"
    (warning,) = done.err.splitlines()
    assert warning.startswith(f"warning: no speech in {folder}/noise.wav: its level never changes")


def test_transcribe_command_without_phones_is_no_speech(asheard, folder):
    done = asheard("transcribe", folder / "alone.wav", "--model", "command:true")
    assert (done.code, "the model recognised no phone" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give recordings or folders of them, or --manifest"),
        (["gone.wav"], "gone.wav: no such recording or folder"),
        (["gone.wav", "--manifest", "m.jsonl"], "or --manifest"),
        (["--manifest", "m.jsonl", "--out", "p.jsonl"], "--manifest goes with --wav-root and --out"),
        (["gone.wav", "--wav-root", "x"], "--wav-root"),
        (["gone.wav", "--chain", "x"], "--chain"),
        (["gone.wav", "--executor", "ray://x"], "--executor"),
        (
            ["gone.wav", "--out", "p.jsonl", "--executor", "moon"],
            "--executor moon: recordings are transcribed on local or",
        ),
    ],
)
def test_transcribe_command_refuses_options(asheard, arguments, message):
    done = asheard("transcribe", *arguments, "--model", MODEL)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())


def test_transcribe_command_in_the_current_folder(asheard, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert asheard("transcribe", "alone.wav", "--model", MODEL).out == "alone.wav: k t\n"


def test_transcription_imports_no_heavy_package():
    heavy = ("torch", "transformers", "matplotlib", "polars", "scipy.stats")
    check = f"import sys, asheard.transcription; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
