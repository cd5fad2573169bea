"""Terminals of any width and encoding, pipes and files: nothing is cut, and there is never a traceback."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from asheard.cli.output import Table, print_tables
from install_check import TEXT, write_speech
from support.in_process import COMMANDS, run_on_terminal

ENCODINGS = ("ascii", "cp1252", "utf-8")
TERMINALS = [(20, "ascii"), (40, "cp1252"), (80, "utf-8"), (80, "ascii")]
ESCAPE = "\x1b"

# A typical error of each command.
ERRORS = [
    ("transcribe", "gone.wav"),
    ("transcribe",),
    ("score", "gone.wav", "--text", "naïve ʌ"),
    ("score", "gone.wav", "--phones", "ʘ"),
    ("score", "--manifest", "gone.jsonl"),
    ("calibrate", "--model", "gone", "--manifest", "gone", "--wav-root", "gone", "--out", "out/c.json"),
    ("evaluate", "--gold", "gone", "--chain", "x", "--out", "out"),
    ("evaluate", "--gold", "gone", "--chain", "ʌ=gone", "--out", "out"),
    ("report", "gone"),
    ("study", "--out", "out", "--seeds", "ʌ"),
    ("serve", "--port", "0"),
    ("models", "list", "--registry", "gone.toml"),
    ("models", "check", "gone"),
    ("models", "export", "gone", "--out", "out"),
    ("corpus", "build", "l2arctic", "gone", "--out", "out"),
    ("corpus", "build", "speechocean762", "gone", "--out", "out"),
    ("corpus", "build", "epadb", "gone", "--out", "out"),
    ("corpus", "build", "table", "gone", "--out", "out"),
    ("corpus", "check", "gone"),
    ("corpus", "stats", "gone"),
    ("corpus", "synth", "--out", "out", "--seed", "-1"),
    ("prior", "fit", "--train", "gone", "--out", "out/prior.json"),
    ("train", "options", "gone.json"),
    ("remote", "train", "gone", "--kinds", "ʌ"),
    ("bogus",),
]


@pytest.mark.parametrize(("columns", "encoding"), TERMINALS)
def test_help_on_any_terminal(monkeypatch, columns, encoding) -> None:
    for words in COMMANDS:
        done = run_on_terminal(monkeypatch, *words, "--help", columns=columns, encoding=encoding)
        assert (done.code, done.err) == (0, ""), words
        assert "Usage: asheard" in done.out
        assert ESCAPE not in done.out
        assert not [line for line in done.out.splitlines() if "…" in line], words


@pytest.mark.parametrize(("columns", "encoding"), TERMINALS)
def test_error_on_any_terminal_is_one_line(monkeypatch, tmp_path, columns, encoding) -> None:
    monkeypatch.chdir(tmp_path)
    for words in ERRORS:
        done = run_on_terminal(monkeypatch, *words, columns=columns, encoding=encoding)
        assert (done.code, done.out) == (2, ""), (words, done)
        lines = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, (words, done.err)
        assert "Traceback" not in done.err


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "clip.wav"
    write_speech(path)
    return path


@pytest.mark.parametrize(("columns", "encoding"), [*TERMINALS, (30, "utf-8"), (60, "cp1252"), (200, "utf-8")])
def test_score_on_any_terminal_has_all_cells(monkeypatch, recording, columns, encoding) -> None:
    """A terminal that is too narrow for the table gets the same cells in the same order."""
    arguments = ("score", recording, "--text", TEXT)
    done = run_on_terminal(monkeypatch, *arguments, columns=columns, encoding=encoding)
    wide = run_on_terminal(monkeypatch, *arguments, columns=500, encoding=encoding)
    assert done.code == 0
    if columns >= 60:
        assert done.out == wide.out
        return
    headings, *rows = wide.out.splitlines()
    assert re.split(r"\s{2,}", headings.strip()) == ["word", "phone", "said", "heard", "class", "start s", "end s"]
    named = re.sub(r"(word|phone|said|heard|class|start\s+s|end\s+s):|;", "", done.out)
    assert named.split() == " ".join(rows).split()


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-16"])
def test_json_on_stdout_is_valid_in_any_encoding(monkeypatch, recording, encoding) -> None:
    arguments = ("transcribe", recording, "--format", "json")
    done = run_on_terminal(monkeypatch, *arguments, columns=80, encoding=encoding)
    expected = run_on_terminal(monkeypatch, *arguments, columns=80, encoding="utf-8")
    (line,) = done.out.splitlines()
    assert json.loads(line) == json.loads(expected.out)
    assert "\\u" not in expected.out


def printed(capsys, table: Table) -> list[str]:
    print_tables([table])
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def small_table() -> Table:
    table = Table(("name", "error rate", "trained on"), left=("name", "trained on"), wrapped=True)
    table.add("a", "1.0", "read speech of many people in one town")
    table.add("b", "22.0", "")
    return table


def test_table_in_a_pipe_is_as_wide_as_it_is(monkeypatch, capsys) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert printed(capsys, small_table()) == [
        "name  error rate  trained on",
        "a            1.0  read speech of many people in one town",
        "b           22.0",
    ]


def test_table_breaks_its_last_column(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "42")
    assert printed(capsys, small_table()) == [
        "name  error rate  trained on",
        "a            1.0  read speech of many",
        "                  people in one town",
        "b           22.0",
    ]


def test_table_breaks_its_headings(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "38")
    assert printed(capsys, small_table()) == [
        "      error",
        "name   rate  trained on",
        "a       1.0  read speech of many",
        "             people in one town",
        "b      22.0",
    ]


def test_table_becomes_paragraphs(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert printed(capsys, small_table()) == [
        "name: a; error rate:",
        "  1.0; trained on:",
        "  read speech of",
        "  many people in one",
        "  town",
        "name: b; error rate:",
        "  22.0",
    ]


def test_table_escapes_control_characters(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = Table(("name",), left=("name",))
    table.add("a\x1b[31mb")
    assert printed(capsys, table) == ["name", r"a\x1b[31mb"]


# In processes of their own, because closed streams, pipes and terminals belong to processes.


def asheard(streams: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a shell; `streams` says where they go, in the shell's words."""
    script = f'"$0" -m asheard "$@" {streams}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(["bash", "-c", script, sys.executable, *map(str, arguments)], capture_output=True)


@pytest.mark.parametrize("command", [("models", "list"), ("--help",)], ids=" ".join)
def test_reader_of_stdout_that_is_gone(command) -> None:
    done = asheard("| true", *command)
    assert (done.returncode, done.stderr) == (141, b"")


def test_row_is_printed_at_once() -> None:
    """So that a reader sees a row when it is made, and a log what a service says."""
    with subprocess.Popen(
        [sys.executable, "-c", "import time; from asheard.cli.output import echo; echo('row'); time.sleep(60)"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"row\n"
        process.kill()


def test_reader_of_stderr_that_is_gone_does_not_stop_work(recording, tmp_path) -> None:
    out = tmp_path / "rows.jsonl"
    done = asheard("2>&1 >/dev/null | true", "transcribe", recording, "--out", out)
    assert done.returncode == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1


def test_closed_streams(recording, tmp_path) -> None:
    """What is printed must not go into the file that is opened first."""
    out = tmp_path / "rows.jsonl"
    done = asheard("<&- >&- 2>&-", "transcribe", recording, "--out", out)
    assert done.returncode == 0
    (line,) = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["utt"] == "clip"


@pytest.mark.parametrize("written", [False, True], ids=["printed", "written"])
@pytest.mark.parametrize("command", [("transcribe",), ("score", "--text", TEXT)], ids=lambda words: words[0])
def test_name_that_is_not_utf8(recording, tmp_path, command, written) -> None:
    folder, out = tmp_path / "recordings", tmp_path / "rows.jsonl"
    folder.mkdir()
    for name in (b"good.wav", b"caf\xe9.wav"):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_bytes(recording.read_bytes())
    verb, *options = command
    done = asheard("", verb, folder, *options, *(["--out", out] if written else ["--format", "json"]))
    assert done.returncode == 2
    rows = out.read_text(encoding="utf-8") if written else done.stdout.decode()
    assert [json.loads(line)["utt"] for line in rows.splitlines()] == ["good"]
    errors = [line for line in done.stderr.decode().splitlines() if line.startswith("error: ")]
    assert errors[0] == rf"error: {folder}/caf\xe9.wav: the name is not UTF-8; rename the file or its folder"
    assert len(errors) == 1 + written
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "has_colour"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
    ids=str,
)
def test_colours_of_a_terminal(environment, has_colour) -> None:
    leader, follower = pty.openpty()
    try:
        kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
        command = [sys.executable, "-m", "asheard", "corpus", "check", "gone"]
        subprocess.run(command, stderr=follower, env=kept | environment)
        shown = os.read(leader, 10_000).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert bool(re.search(ESCAPE + r"\[[0-9;]*3[0-9]", shown)) is has_colour
    assert "error: " in shown
