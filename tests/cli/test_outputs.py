"""Outputs that cannot be written: one line with the file and the remedy, exit code 2, and nothing is lost."""

from functools import partial
from pathlib import Path

import pytest

from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.io.locks import locked_file, locked_folder
from support.in_process import run
from support.tone_files import write

MODEL = ("--model", "command:echo S IY IH D")


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


@pytest.fixture
def rows(tmp_path):
    """A manifest of one recording, which is also a gold standard and predictions of itself."""
    (tmp_path / "wav").mkdir()
    write(tmp_path / "wav" / "u.wav")
    tokens = (Token("s", "s", ErrorType.OK), Token("i", "ɪ", ErrorType.SUBSTITUTION))
    write_manifest(tmp_path / "rows.jsonl", [Utterance("u", "A", "Thai", "wav/u.wav", "see", tokens)])
    (tmp_path / "mine.jsonl").write_text('{"utt": "u", "speaker": "A", "chain": "mine", "phones": ["s", "i"]}\n')
    speakers = "".join(f"u,{speaker},Thai,s i,s ɪ\n" for speaker in ("A", "B", "C", "D"))
    (tmp_path / "table.csv").write_text(f"utt,speaker,l1,canonical,perceived\n{speakers}")
    return tmp_path / "rows.jsonl"


def commands(rows: Path) -> dict[str, tuple[object, ...]]:
    folder = rows.parent
    return {
        "transcribe": ("transcribe", folder / "wav", *MODEL),
        "transcribe textgrids": ("transcribe", folder / "wav", *MODEL, "--format", "textgrid"),
        "score": ("score", folder / "wav", *MODEL, "--text", "see"),
        "evaluate": ("evaluate", "--gold", rows, "--chain", f"mine={folder / 'mine.jsonl'}"),
        "corpus build": ("corpus", "build", "table", folder / "table.csv"),
        "prior fit": ("prior", "fit", "--train", folder / "table.csv"),
        "models export": ("models", "export", "asheard-tiny"),
    }


@pytest.mark.parametrize("name", list(commands(Path("x/y"))))
def test_commands_below_a_file(asheard, rows, name):
    out = rows.parent / "mine.jsonl" / "deep" / "out"
    before = sorted(rows.parent.rglob("*"))
    done = asheard(*commands(rows)[name], "--out", out)
    assert done.code == 2, done
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {out}")
    assert "cannot be written (Not a directory); a part of the path is a file; name another place" in line
    assert sorted(rows.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["transcribe", "score"])
@pytest.mark.parametrize(
    ("out", "message"), [("/dev/stdout", "/dev/stdout is no file"), ("wav", "is a folder; name a file in it")]
)
def test_commands_that_resume_refuse_streams_and_folders(asheard, rows, monkeypatch, name, out, message):
    monkeypatch.chdir(rows.parent)
    done = asheard(*commands(rows)[name], "--out", out)
    assert (done.code, message in done.err) == (2, True), done


@pytest.mark.parametrize("name", ["transcribe", "score", "evaluate", "corpus build"])
def test_second_command_with_one_output_is_refused(asheard, rows, name):
    out = rows.parent / "out"
    lock = locked_folder if name in ("evaluate", "corpus build") else locked_file
    with lock(out):
        before = sorted(rows.parent.rglob("*"))
        done = asheard(*commands(rows)[name], "--out", out)
        assert done.code == 2, done
        (line,) = done.err.splitlines()
        assert line.startswith(f"error: {out}: another command is writing it (process ")
        assert line.endswith("); wait until it ends, or name another output")
        assert sorted(rows.parent.rglob("*")) == before
    done = asheard(*commands(rows)[name], "--out", out)
    assert done.code == 0, done
