"""`asheard score` over folders and manifests: rows, TextGrids, recordings without speech, and resuming."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from praatio.textgrid import openTextgrid

from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.pronunciation.scorer import Model
from support.in_process import run
from support.tone_files import TIMED, write

MODEL = "command:echo S IY IH D"


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path):
    """Two speakers and the texts beside their recordings."""
    root = tmp_path / "mine"
    for name, text in (("A/u1.wav", "see it\n"), ("A/u2.wav", "see\n"), ("B/u1.wav", "it")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name)
        (root / name).with_suffix(".lab" if text == "it" else ".txt").write_text(text)
    return root


@pytest.fixture
def manifest(tmp_path, folder):
    """An utterance with a text, and one with canonical phones only."""
    tokens = (Token("s", "s", ErrorType.OK), Token("i", "ɪ", ErrorType.SUBSTITUTION))
    rows = [
        Utterance("u1", "A", "Spanish", "A/u1.wav", "see it", ()),
        Utterance("u2", "A", "Spanish", "A/u2.wav", None, tokens),
    ]
    write_manifest(tmp_path / "rows.jsonl", rows)
    return tmp_path / "rows.jsonl"


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_score_command_writes_a_row_a_recording(asheard, folder, tmp_path):
    done = asheard("score", folder, "--model", MODEL, "--out", tmp_path / "scores.jsonl")
    assert (done.code, "3 recordings by command:echo" in done.out) == (0, True), done
    rows = rows_of(tmp_path / "scores.jsonl")
    assert [(row["speaker"], row["utt"], row["text"].strip()) for row in rows] == [
        ("A", "u1", "see it"),
        ("A", "u2", "see"),
        ("B", "u1", "it"),
    ]
    assert [len(row["added"]) for row in rows] == [0, 2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "scores.jsonl"]


def test_score_command_one_text_for_all(asheard, folder):
    done = asheard("score", folder, "--model", MODEL, "--text", "see it", "--format", "json")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["see it"] * 3
    done = asheard("score", folder, "--model", MODEL, "--phones", "S IY | IH D")
    assert done.out.count("overall: 100%") == 3
    assert f"{folder / 'A' / 'u1.wav'}: S IY | IH D" in done.out.splitlines()


def test_score_command_manifest_and_its_l1s(asheard, folder, manifest, tmp_path):
    arguments = ("score", "--manifest", manifest, "--wav-root", folder, "--model", MODEL, "--out")
    assert asheard(*arguments, tmp_path / "plain.jsonl").code == 0
    assert asheard(*arguments, tmp_path / "l1.jsonl", "--l1-given").code == 0
    plain, declared = rows_of(tmp_path / "plain.jsonl"), rows_of(tmp_path / "l1.jsonl")
    assert [row["l1"] for row in plain + declared] == [None, None, "Spanish", "Spanish"]
    assert [word["word"] for word in plain[0]["words"]] == ["see", "it"]
    assert [phone["canonical"] for word in plain[1]["words"] for phone in word["phones"]] == ["s", "i"]


@pytest.mark.parametrize("command", ["score", "transcribe"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("A", "../../escape")], "utterance '../../escape' cannot be the name of a file: it holds /"),
        ([("../escape", "u")], "speaker '../escape' cannot be the name of a file: it holds /"),
        ([("A", "u"), ("a", "U")], "are one file on macOS or Windows"),
    ],
)
def test_textgrids_refuse_names_before_any_work(asheard, folder, tmp_path, command, rows, message):
    token = (Token("s", "s", ErrorType.OK),)
    manifest, out = tmp_path / "hostile.jsonl", tmp_path / "deep" / "grids"
    write_manifest(manifest, [Utterance(utt, who, "Thai", "A/u1.wav", "see", token) for who, utt in rows])
    before = sorted(tmp_path.rglob("*"))
    source = ("--manifest", manifest, "--wav-root", folder)
    done = asheard(command, *source, "--model", MODEL, "--format", "textgrid", "--out", out)
    assert (done.code, message in done.err) == (2, True), done
    assert sorted(tmp_path.rglob("*")) == before


def test_score_command_textgrids(asheard, folder, tmp_path):
    (tmp_path / "timed.py").write_text(TIMED)
    out, model = tmp_path / "grids", f"command:python3 {tmp_path / 'timed.py'}"
    done = asheard("score", folder, "--model", model, "--phones", "HH AH T", "--format", "textgrid", "--out", out)
    assert done.code == 0, done.err
    grid = openTextgrid(str(out / "A" / "u1.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames == ("words", "canonical", "heard", "class")
    assert grid.maxTimestamp == pytest.approx(0.5)
    spans = [(0.1, 0.2), (0.2, 0.35)]
    assert [entry[:2] for entry in grid.getTier("heard").entries] == spans
    assert [entry.label for entry in grid.getTier("class").entries] == ["ok", "ok"]
    assert [tuple(entry) for entry in grid.getTier("words").entries] == [(0.1, 0.35, "HH AH T")]
    done = asheard("transcribe", folder, "--model", model, "--format", "textgrid", "--out", out)
    assert done.code == 0, done.err
    grid = openTextgrid(str(out / "B" / "u1.TextGrid"), includeEmptyIntervals=False)
    assert [tuple(entry) for entry in grid.getTier("phones").entries] == [(0.1, 0.2, "h"), (0.2, 0.35, "ʌ")]
    assert len(rows_of(out / "predictions.jsonl")) == len(rows_of(out / "scores.jsonl")) == 3


def test_score_command_one_bad_recording_stops_no_other(asheard, folder, tmp_path):
    (folder / "A" / "u1.wav").write_bytes(b"RIFF")
    done = asheard("score", folder, "--model", MODEL, "--out", tmp_path / "scores.jsonl")
    assert done.code == 2
    assert "A/u1.wav" in done.err
    assert "1 recordings could not be read and have no row in" in done.err
    assert len(rows_of(tmp_path / "scores.jsonl")) == 2
    done = asheard("score", folder, "--model", MODEL, "--format", "json")
    assert (done.code, len(done.out.splitlines())) == (2, 2)


def test_score_command_recordings_without_speech(asheard, folder, tmp_path):
    """Printed or written, their row says so, a warning is on stderr, and the exit code is 2."""
    soundfile.write(folder / "A" / "u1.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    written = asheard("score", folder, "--model", MODEL, "--out", tmp_path / "scores.jsonl")
    printed = asheard("score", folder, "--model", MODEL, "--format", "json")
    tables = asheard("score", folder, "--model", MODEL)
    rows = rows_of(tmp_path / "scores.jsonl")
    assert rows == [json.loads(line) for line in printed.out.splitlines()]
    assert [list(row)[2] for row in rows] == ["without_speech", "model", "model"]
    assert f"{folder / 'A' / 'u1.wav'}: no speech" in tables.out.splitlines()
    for done in (written, printed, tables):
        assert done.code == 2
        assert f"warning: {rows[0]['without_speech']}" in done.err.splitlines()


def test_score_command_resumes(asheard, folder, tmp_path, monkeypatch):
    arguments = ("score", folder, "--model", MODEL, "--out", tmp_path / "scores.jsonl")
    score, heard = Model.score, []

    def killed_at_the_second(self, wav, *rest):
        heard.append(Path(wav).name)
        if len(heard) == 2:
            raise KeyboardInterrupt
        return score(self, wav, *rest)

    monkeypatch.setattr(Model, "score", killed_at_the_second)
    assert asheard(*arguments).code != 0
    assert not (tmp_path / "scores.jsonl").exists()
    done = asheard(*arguments)
    assert (done.code, "1 of them from an earlier call" in done.out) == (0, True), done
    assert heard == ["u1.wav", "u2.wav", "u2.wav", "u1.wav"]
    assert len(rows_of(tmp_path / "scores.jsonl")) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{mine}", "--text", "see", "--phones", "s"], "not both"),
        (["{mine}", "--format", "textgrid"], "give the folder"),
        (["{mine}", "--manifest", "rows.jsonl"], "or --manifest"),
        (["--manifest", "rows.jsonl"], "goes with --wav-root"),
        (["--manifest", "rows.jsonl", "--wav-root", ".", "--text", "see"], "the manifest has the texts"),
        (["{mine}", "--l1", "Klingon"], "the prior knows Arabic"),
        (["{mine}", "--text", "see it", "--format", "textgrid", "--out", "grids"], "gives no times"),
    ],
)
def test_score_command_refuses_options(asheard, folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = asheard("score", "--model", MODEL, *(argument.format(mine=folder) for argument in arguments))
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())


def test_score_command_names_texts_that_cannot_be_pronounced(asheard, folder):
    (folder / "A" / "u2.txt").write_text("东西")
    done = asheard("score", folder, "--model", MODEL)
    assert (done.code, "u2.txt" in done.err) == (2, True)
