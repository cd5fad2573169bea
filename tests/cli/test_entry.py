"""What becomes of errors: one line, an exit code, and a file with the details of an unexpected one."""

import re
from pathlib import Path

import pytest

from asheard.cli import entry
from asheard.cli.entry import Commands
from asheard.errors import GateError, PhoneError
from asheard.io.resume import resumable_rows
from asheard.recognition.registry import ASHEARD_TINY
from support.in_process import COMMANDS, Done, run_on_terminal


@pytest.fixture
def details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that details are written to."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> Done:
    """Run a command that raises an error."""
    program = Commands()

    @program.command("fail")
    def fail(text: str = "") -> None:
        raise error

    @program.command("other")
    def other() -> None: ...

    return run_on_terminal(monkeypatch, *(arguments or ["fail"]), columns=200, encoding="utf-8", program=program)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (PhoneError("no phone\nhere"), 2, "error: no phone here"),
        (GateError("stopped"), 3, "error: stopped"),
        (OSError(28, "No space left on device", "runs/a"), 2, "error: runs/a: No space left on device"),
        (OSError("gone"), 2, "error: standard output, or a file: gone"),
        (
            ModuleNotFoundError("No module named 'polars.selectors'", name="polars.selectors"),
            2,
            "error: the package polars is not installed; pip install 'asheard[evaluate]'",
        ),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            "error: the package torch is not installed; pip install 'asheard[train]'",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted; each output is whole, or as it was before"),
        (PhoneError("name \x1b[31m\udcff"), 2, r"error: name \x1b[31m\udcff"),
    ],
    ids=repr,
)
def test_error_is_one_line_and_an_exit_code(monkeypatch, details, error, code, line) -> None:
    done = raising(monkeypatch, error)
    assert (done.code, done.out, done.err) == (code, "", f"{line}\n")
    assert not list(details.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("no 'x'"),
        RecursionError("maximum recursion depth exceeded"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ModuleNotFoundError("No module named 'asheard.gone'", name="asheard.gone"),
        MemoryError(),
    ],
    ids=repr,
)
def test_unexpected_error_is_one_line_with_a_file_of_details(monkeypatch, details, error) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "s3cret-token")
    done = raising(monkeypatch, error, "fail", "--text", "s3cret-token")
    assert done.code == 1
    (line,) = done.err.splitlines()
    (file,) = details.iterdir()
    assert f"Details are in {file};" in line
    assert re.fullmatch(r"asheard-error-\d{4}-\d\d-\d\d-\d{6}-\w+\.txt", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    assert "asheard fail --text $SERVICE_TOKEN" in text
    assert "s3cret-token" not in text
    assert f"{type(error).__name__}" in text.splitlines()[-1]


def test_unexpected_error_whose_details_cannot_be_written(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    done = raising(monkeypatch, ValueError("odd"))
    assert done.code == 1
    assert done.err.endswith("The details could not be written (No such file or directory); --debug prints them\n")


@pytest.mark.parametrize("arguments", [("--debug", "fail"), ("fail", "--debug")], ids=" ".join)
def test_debug_prints_the_traceback(monkeypatch, details, arguments) -> None:
    done = raising(monkeypatch, ValueError("odd"), *arguments)
    assert done.code == 1
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert "ValueError: odd\n" in done.err


def test_broken_pipe_ends_like_a_signal(monkeypatch) -> None:
    assert raising(monkeypatch, BrokenPipeError(32, "Broken pipe")) == (141, "", "")


VALUES = [  # options of one value, and flags, each once
    ("transcribe", "--model", "hama"),
    ("transcribe", "--out", "x"),
    ("score", "--text", "a"),
    ("score", "--l1", "Hindi"),
    ("evaluate", "--gold", "x"),
    ("corpus", "stats", "--out", "x"),
    ("train", "faithful", "--preset", "tiny"),
    ("remote", "up", "--gpu", "x"),
]


@pytest.mark.parametrize("words", VALUES, ids=" ".join)
def test_option_given_twice_is_refused(monkeypatch, words) -> None:
    *command, option, value = words
    done = run_on_terminal(monkeypatch, *command, option, value, option, value, columns=200, encoding="utf-8")
    assert done.code == 2
    assert done.err.startswith(f"error: Invalid value for '{option}': given more than once; give it once (asheard ")


def test_contrary_flags_are_refused(monkeypatch) -> None:
    flags = ("--l1-given", "--l1-withheld")
    done = run_on_terminal(monkeypatch, "score", "x.wav", *flags, columns=200, encoding="utf-8")
    assert done.code == 2
    assert "given more than once" in done.err


def test_options_of_several_values_may_be_repeated() -> None:
    """`--chain a=b --chain c=d`: the check knows which options take several values."""
    repeated = {
        (" ".join(words), option.name)
        for words in COMMANDS
        for option in _command(words).params
        if option.param_type_name == "option" and option.multiple
    }
    assert {("evaluate", "chain"), ("evaluate", "with_prior"), ("serve", "studies")} <= repeated


@pytest.mark.parametrize("words", VALUES, ids=" ".join)
def test_empty_value_is_refused(monkeypatch, words) -> None:
    *command, option, _ = words
    done = run_on_terminal(monkeypatch, *command, option, "", columns=200, encoding="utf-8")
    assert done.code == 2
    assert done.err.startswith(f"error: Invalid value for '{option}': empty; give a value or leave it out (asheard ")


def test_empty_recording_is_refused(monkeypatch, tmp_path) -> None:
    """The empty path is the current folder, so all of its recordings would be transcribed."""
    monkeypatch.chdir(tmp_path)
    done = run_on_terminal(monkeypatch, "transcribe", "", columns=200, encoding="utf-8")
    assert done.code == 2
    assert done.err.startswith("error: Invalid value for '[FILE|DIR]': empty;")


def test_every_command_checks_its_arguments() -> None:
    kinds = {words: type(_command(words)) for words in COMMANDS if not hasattr(_command(words), "commands")}
    assert set(kinds.values()) == {entry.CheckedCommand}


def _command(words):
    import typer

    from asheard import cli

    command = typer.main.get_command(cli.app)
    for word in words:
        command = command.commands[word]
    return command


@pytest.mark.parametrize(
    "words",
    [
        ("transcribe", "--manifest", "empty.jsonl", "--wav-root", ".", "--out", "out.jsonl"),
        ("score", "--manifest", "empty.jsonl", "--wav-root", "."),
        ("score", "--manifest", "empty.jsonl", "--wav-root", ".", "--predictions", "out.jsonl"),
        ("calibrate", "--model", str(ASHEARD_TINY), "--manifest", "empty.jsonl", "--wav-root", ".", "--out", "c.json"),
        ("corpus", "stats", "empty.jsonl"),
        ("corpus", "build", "table", "empty.jsonl", "--out", "out"),
        ("prior", "fit", "--train", "empty.jsonl", "--out", "prior.json"),
        ("evaluate", "--gold", "empty.jsonl", "--chain", "x=empty.jsonl", "--out", "out"),
    ],
    ids=" ".join,
)
def test_empty_manifest_is_refused(monkeypatch, tmp_path, words) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    done = run_on_terminal(monkeypatch, *words, columns=200, encoding="utf-8")
    assert (done.code, done.out, done.err) == (2, "", "error: empty.jsonl: holds no utterances\n")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.jsonl"]


def test_interrupt_says_how_many_rows_are_kept(monkeypatch, tmp_path) -> None:
    program = Commands()

    @program.command("fail")
    def fail() -> None:
        with resumable_rows(tmp_path / "rows.jsonl", []) as rows:
            rows.append([{"utt": "a"}, {"utt": "b"}])
            raise KeyboardInterrupt

    @program.command("other")
    def other() -> None: ...

    done = run_on_terminal(monkeypatch, "fail", columns=200, encoding="utf-8", program=program)
    assert done == (
        130,
        "",
        "error: interrupted; each output is whole, or as it was before; 2 rows are kept, and the same command goes on "
        "from there\n",
    )


@pytest.mark.parametrize("words", [("corpus", "check"), ("corpus", "synth", "--out")], ids=" ".join)
def test_path_that_is_not_utf8_is_refused(monkeypatch, words) -> None:
    done = run_on_terminal(monkeypatch, *words, "caf\udce9", columns=200, encoding="utf-8")
    assert done.code == 2
    assert "not utf-8; rename the file, or use a UTF-8 locale" in done.err
