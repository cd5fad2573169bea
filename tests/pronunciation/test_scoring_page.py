"""docs/scoring.md: its commands run, and its example has the fields of a result."""

import json
import re
import shlex
from functools import partial
from pathlib import Path

import pytest
import soundfile

from asheard.phones.espeak import Voice, render_phonemes
from support.in_process import run

PAGE = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def asheard_here(tmp_path, monkeypatch, capsys):
    """The command line in a folder with recordings."""
    speech = render_phonemes("aI s'INk s'oU", Voice("en-us"), seed=1)
    for name in ("my.wav", "recordings/ABA/wav/a1.wav", "readings/a2.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, speech.samples, speech.sample_rate_hz)
    (tmp_path / "readings" / "a2.txt").write_text("I think so")
    monkeypatch.chdir(tmp_path)
    return partial(run, monkeypatch, capsys)


def test_scoring_page_commands_run(asheard_here):
    commands = [shlex.split(line) for line in "".join(blocks("sh")).splitlines()]
    assert [command[1] for command in commands] == ["transcribe", "score", "transcribe", "score", "score"]
    outs = []
    for program, *arguments in commands:
        done = asheard_here(*arguments)
        assert (program, done.code) == ("asheard", 0), done.err
        outs.append(done.out)
    assert outs[0].startswith("my.wav: aɪ ")
    assert "as far as asheard-tiny can tell" in outs[1]
    assert "not calibrated" not in outs[1]
    assert {path.name for path in Path("grids").iterdir()} == {"scores.jsonl", "a2.TextGrid"}
    assert Path("scores.jsonl").read_text() == Path("grids/scores.jsonl").read_text()
    row = json.loads(Path("recordings.jsonl").read_text())
    assert (row["utt"], row["speaker"], row["chain"]) == ("a1", "ABA", "asheard-tiny")


def test_scoring_page_example_has_the_fields_of_a_result(asheard_here):
    (example,) = map(json.loads, blocks("json"))
    scored = json.loads(asheard_here("score", "my.wav", "--text", example["text"], "--format", "json").out)
    phone, shown = scored["words"][0]["phones"][0], example["words"][0]["phones"][0]
    for found, expected in ((scored, example), (scored["words"][0], example["words"][0]), (phone, shown)):
        assert list(found) == list(expected)
    assert scored["transcript"].keys() == example["transcript"].keys()
    assert scored["prior"].keys() == example["prior"].keys()
    assert (scored["model"], scored["calibrated"]) == (example["model"], example["calibrated"])
    table = re.findall(r"^\| (`.*?) \|", PAGE, flags=re.MULTILINE)
    named = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    assert set(scored) | set(scored["words"][0]) | set(phone) <= named | {"word", "phones"}


def test_scoring_page_python_runs(asheard_here):
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["result"].words) == 3
