"""Any program as a recogniser: what it is given, what it may write, and what is refused."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from asheard.errors import ModelError
from asheard.recognition.external.command import Command
from asheard.recognition.protocol import Recognition, Transcript

WAVEFORM = np.linspace(-1.2, 1.2, 16_000, dtype=np.float32)


@pytest.fixture
def program(tmp_path: Path):
    """A Python program, as a command line."""

    def write(source: str, *arguments: str) -> str:
        path = tmp_path / "a program.py"
        path.write_text(source, encoding="utf-8")
        return shlex.join([sys.executable, "-X", "utf8", str(path), *arguments])

    return write


def printing(output: object) -> str:
    return f"import sys; sys.stdin.buffer.read(); print({output!r})"


def test_command_reads_a_wav_file_and_its_arguments(program, tmp_path):
    """The program reads its input with Python's wave module."""
    line = program(
        "import io, sys, wave\n"
        "wav = wave.open(io.BytesIO(sys.stdin.buffer.read()))\n"
        "open(sys.argv[1], 'wb').write(wav.readframes(wav.getnframes()))\n"
        "assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)\n"
        "print('HH AH0 L OW1')",
        str(tmp_path / "heard it"),
    )
    assert Command(line).transcribe(WAVEFORM).phones == ("h", "ə", "l", "oʊ")
    samples = np.frombuffer((tmp_path / "heard it").read_bytes(), np.int16)
    assert samples.tolist() == [max(-32768, min(32767, round(float(x) * 32768))) for x in WAVEFORM]


@pytest.mark.parametrize(
    ("output", "phones"),
    [
        ("sil K AE1 T sil", ("k", "æ", "t")),
        ("k æ t\n", ("k", "æ", "t")),
        ("h ə l əʊ", ("h", "ə", "l", "oʊ")),
        ("f ɔːɹ - əl", ("f", "ɔ", "ɹ", "ə", "l")),
        ("", ()),
        (json.dumps({"phones": "K AE T"}), ("k", "æ", "t")),
        (json.dumps({"phones": []}), ()),
    ],
)
def test_command_writes_phones_between_blanks(program, output, phones):
    transcript = Command(program(printing(output))).transcribe(WAVEFORM)
    assert transcript.phones == phones
    if phones:
        assert (transcript.confidences, transcript.times_s) == (None, None)


def test_command_writes_confidences_and_times(program):
    row = {
        "phones": ["sil", "aɪə", "☃", "t"],
        "confidences": [1, 0.5, 0.9, 0.25],
        "times_s": [[0, 0.1], [0.1, 0.3], [0.3, 0.4], [0.4, 0.5]],
    }
    transcript = Command(program(printing(json.dumps(row)))).transcribe(WAVEFORM)
    assert transcript.phones == ("aɪ", "ə", "t")
    assert transcript.confidences == (0.5, 0.5, 0.25)
    assert np.allclose(transcript.times_s, [(0.1, 0.2), (0.2, 0.3), (0.4, 0.5)])
    assert transcript.left_out == ("☃",)


def test_command_is_not_run_on_short_recordings(program):
    command = Command(program("raise SystemExit(1)"))
    assert command.recognise([np.zeros(399, np.float32)], [None]) == [Recognition(Transcript((), (), ()))]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("{", "no transcript"),
        ('{"text": "hello"}', "'phones' must be a list"),
        ('{"phones": ["k æ"]}', "'phones' must be a list"),
        ('{"phones": ["k", null]}', "'phones' must be a list"),
        ('{"phones": "k t", "confidences": [0.5]}', "1 'confidences' for 2 'phones'"),
        ('{"phones": "k t", "confidences": [0.5, null]}', "confidences 1 must be a probability .*, not None"),
        ('{"phones": "k", "confidences": [true]}', "confidences 0 must be a probability .*, not True"),
        ('{"phones": "k", "confidences": [NaN]}', "confidences 0 must be a probability .*, not nan"),
        ('{"phones": "k", "times_s": [0.5]}', "'times_s' must be a list of .start, end. pairs"),
        ('{"phones": "k", "times_s": [[0, "1"]]}', "times_s 0 must be a time from 0 .*, not '1'"),
        ('{"phones": "k", "confidences": [5]}', "confidences 0 must be a probability from 0 to 1, not 5"),
        ('{"phones": "k", "times_s": [[0.5, 0.2]]}', "times_s 0 ends at 0.2 s, before it begins at 0.5 s"),
    ],
)
def test_command_refuses_other_output(program, output, message):
    with pytest.raises(ModelError, match=rf"a program\.py.*{message}"):
        Command(program(printing(output))).transcribe(WAVEFORM)


def test_command_refuses_bytes(program):
    with pytest.raises(ModelError, match="no transcript"):
        Command(program("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')")).transcribe(WAVEFORM)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; print('one', file=sys.stderr); sys.exit('no model here')", "code 1: no model here"),
        ("raise SystemExit(3)", "code 3: nothing on its standard error"),
    ],
)
def test_command_that_fails(program, source, message):
    with pytest.raises(ModelError, match=message):
        Command(program(source)).transcribe(WAVEFORM)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the command is empty"),
        ("no-such-program-at-all --x", "no program 'no-such-program-at-all'"),
        ("echo 'half a quote", "cannot be parsed"),
    ],
)
def test_command_refuses_a_line_without_program(line, message):
    with pytest.raises(ModelError, match=message):
        Command(line)


def test_command_that_cannot_be_run(tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(ModelError, match="cannot be run"):
        Command(str(broken)).transcribe(WAVEFORM)


def test_command_version_changes_with_words_and_files(program):
    calls = [("print('K')",), ("print('K')", "-x"), ("print('T')",), ("print('K')",)]
    versions = [Command(program(*call)).version for call in calls]
    assert versions[0] == versions[3]
    assert len(set(versions)) == 3
    assert Command(program("")).kind == Path(sys.executable).name
