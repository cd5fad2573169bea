"""The command line on damaged files, odd texts and hostile names: exit code 0 or 2, and one line for each error."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.cli import app, entry
from support.fuzzing import (
    bounded,
    cases,
    changed_record,
    damaged,
    examples,
    fault_becomes_case,
    json_bytes,
    names,
    texts,
)
from support.tone_files import write

TOKENS = [
    {"canonical": "t", "perceived": "t", "error_type": "ok"},
    {"canonical": "i", "perceived": "ɪ", "error_type": "s"},
]
UTTERANCE = {"utt": "u1", "speaker": "S", "l1": "Thai", "wav": "a.wav", "text": "tea", "seconds": 0.5, "tokens": TOKENS}
PREDICTION = {"utt": "u1", "speaker": "S", "phones": ["t", "i"], "confidences": [0.5, 1]}
OPTIONS_OF_TEXT = ("--text", "--phones", "--l1")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording, gold, predictions and one finished evaluation."""
    place = tmp_path_factory.mktemp("commands") / "inside"
    place.mkdir()
    write(place / "a.wav", rate_hz=22_050)
    (place / "gold.jsonl").write_bytes(json_bytes(UTTERANCE))
    (place / "p.jsonl").write_bytes(json_bytes(PREDICTION))
    return place


class Command:
    """Runs commands in `place`, and checks what they leave."""

    def __init__(self, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.place, self._capfd = place, capfd

    def run(self, name: str, data: bytes, *arguments: object) -> tuple[int, str]:
        """Run a command whose input `data` is; return exit code and stderr."""
        around = sorted(self.place.parent.iterdir())
        with fault_becomes_case(name, data), bounded():
            code = entry.run(app, [*map(str, arguments), entry.DEBUG])
            err = self._capfd.readouterr().err
            assert code in (0, 2), f"exit code {code}: {err[-3000:]}"
            assert code == 0 or err.strip(), "exit code 2 without a reason"
            assert sorted(self.place.parent.iterdir()) == around, "a file outside the folder"
        return code, err


@pytest.fixture
def command(place, monkeypatch, capfd) -> Command:
    monkeypatch.chdir(place)
    return Command(place, capfd)


def arguments(text: str) -> str:
    """A text as the system can hand it to a program."""
    return text.replace("\0", "").encode(errors="surrogatepass").decode(errors="surrogateescape")


@pytest.mark.parametrize("option", OPTIONS_OF_TEXT)
def test_score_texts(command, option):
    def score(text: str) -> None:
        rest = ["--text", "tea"] if option == "--l1" else []
        command.run(
            f"score{option}",
            text.encode(errors="surrogatepass"),
            "score",
            "a.wav",
            f"{option}={arguments(text)}",
            *rest,
        )

    for case in cases(f"score{option}"):
        score(case.read_bytes().decode(errors="surrogatepass"))
    examples(12)(given(text=texts)(score))()


@pytest.mark.parametrize("format", ["json", "textgrid"])
def test_score_manifests(command, format):
    def score(record: Any) -> None:
        data = json_bytes(record)
        Path("m.jsonl").write_bytes(data)
        out = ["--out", "scored"] if format == "textgrid" else []
        command.run(
            f"score-{format}", data, "score", "--manifest", "m.jsonl", "--wav-root", ".", "--format", format, *out
        )

    for case in cases(f"score-{format}"):
        score(json.loads(case.read_bytes()))
    examples(12)(given(record=changed_record(UTTERANCE))(score))()


def test_names_of_recordings(command):
    """Recordings with any name the system can hold."""

    def transcribe(name: str) -> None:
        path = Path("recordings", arguments(name))
        if path.name != os.fsdecode(os.fsencode(arguments(name))) or len(os.fsencode(path.name)) > 200:
            return
        path.parent.mkdir(exist_ok=True)
        for other in path.parent.iterdir():
            other.unlink()
        path.write_bytes(Path("a.wav").read_bytes())
        command.run("names", os.fsencode(path.name), "transcribe", path.parent / path.name)
        command.run("names", os.fsencode(path.name), "score", "--text=tea", f"./{path}", "--out", "scores.jsonl")

    for case in cases("names"):
        transcribe(os.fsdecode(case.read_bytes()))
    examples(8)(given(name=names)(transcribe))()


def test_damaged_recordings(command):
    whole = Path("a.wav").read_bytes()

    def transcribe(data: bytes) -> None:
        Path("damaged.wav").write_bytes(data)
        code, err = command.run("recordings", data, "transcribe", "damaged.wav", "--format", "json")
        assert code == 0 or "damaged.wav" in err

    for case in cases("recordings"):
        transcribe(case.read_bytes())
    examples(12)(given(data=damaged(whole))(transcribe))()


@pytest.mark.parametrize("file", ["gold.jsonl", "p.jsonl"])
def test_evaluate_changed_records(command, file):
    whole = {"gold.jsonl": UTTERANCE, "p.jsonl": PREDICTION}

    def evaluate(record: Any) -> None:
        data = json_bytes(record)
        for name, value in whole.items():
            Path(name).write_bytes(data if name == file else json_bytes(value))
        command.run(
            f"evaluate-{file}", data, "evaluate", "--gold", "gold.jsonl", "--chain", "x=p.jsonl", "--out", "out"
        )

    for case in cases(f"evaluate-{file}"):
        evaluate(json.loads(case.read_bytes()))
    examples(3)(given(record=changed_record(whole[file]))(evaluate))()


@pytest.mark.parametrize("file", ["metrics.json", "context.json"])
def test_report_of_changed_files(command, file):
    for name, value in (("gold.jsonl", UTTERANCE), ("p.jsonl", PREDICTION)):
        Path(name).write_bytes(json_bytes(value))
    command.run("report", b"", "evaluate", "--gold", "gold.jsonl", "--chain", "x=p.jsonl", "--out", "whole")
    path = Path("whole", file)
    whole = json.loads(path.read_bytes())

    def report(record: Any) -> None:
        path.write_bytes(json_bytes(record))
        command.run(f"report-{file}", json_bytes(record), "report", "whole")

    for case in cases(f"report-{file}"):
        report(json.loads(case.read_bytes()))
    examples(4)(given(record=changed_record(whole))(report))()


def test_registries(command):
    whole = b'[transcribers.mine]\nkind = "command"\ncommand = "echo S IY"\nlimitations = ["one"]\n'

    def show(data: bytes) -> None:
        Path("r.toml").write_bytes(data)
        command.run("registries", data, "models", "list", "--registry", "r.toml")

    for case in cases("registries"):
        show(case.read_bytes())
    examples(25)(given(data=st.one_of(damaged(whole), st.binary(max_size=50)))(show))()


def test_tables_of_corpus_build(command):
    whole = (
        b"utt,speaker,l1,canonical,perceived,text\nu1,S,Thai,T IY,D -,tea\nu1,T,Thai,T IY,T IY,tea\nu2,S,Thai,K,K,k\n"
    )

    def build(data: bytes) -> None:
        Path("t.csv").write_bytes(data)
        command.run("tables", data, "corpus", "build", "table", "t.csv", "--out", "built")
        command.run("tables", data, "corpus", "check", "built")

    for case in cases("tables"):
        build(case.read_bytes())
    examples(25)(given(data=damaged(whole))(build))()
