"""The one schema of scoring: generated, current, and kept by everything that writes a result."""

import json
from functools import partial
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from asheard.pronunciation.result import Pronunciation, json_schema
from asheard.pronunciation.scorer import load_model
from support.in_process import run
from support.tone_files import write

SCHEMA = Path(__file__).parents[2] / "docs" / "pronunciation.schema.json"
MODEL = "command:echo S IY IH D AH"


@pytest.fixture
def wav(tmp_path):
    write(tmp_path / "see.wav", seconds=1.0)
    return tmp_path / "see.wav"


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json_schema())


def test_schema_file_is_current():
    expected = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == expected, "run python -m asheard.pronunciation.result"


def test_schema_describes_what_python_returns(wav, validator):
    result = load_model(MODEL).score(wav, "see it", l1="Spanish")
    validator.validate(result.to_json())
    assert list(result.to_json()) == list(json_schema()["properties"])


def test_schema_describes_what_the_command_prints_and_writes(asheard, wav, validator, tmp_path):
    arguments = ("score", wav, "--text", "see it", "--model", MODEL)
    printed = asheard(*arguments, "--format", "json")
    written = asheard(*arguments, "--out", tmp_path / "scores.jsonl")
    assert (printed.code, written.code) == (0, 0)
    rows = [json.loads(text) for text in (printed.out, (tmp_path / "scores.jsonl").read_text(encoding="utf-8"))]
    for row in rows:
        validator.validate(row)
    assert rows[0] == rows[1]
    assert list(rows[0])[:2] == ["utt", "speaker"]


@pytest.mark.parametrize(
    ("field", "value"), [("score", 1.5), ("l1", 3), ("words", None), ("added", [{"phone": "ə"}]), ("calibrated", "no")]
)
def test_schema_refuses_other_values(wav, validator, field, value):
    row = load_model(MODEL).score(wav, "see it").to_json() | {field: value}
    with pytest.raises(ValidationError):
        validator.validate(row)


def test_pronunciation_survives_json(wav):
    result = load_model(MODEL).score(wav, "see it")
    row = json.loads(json.dumps({"utt": "see", "speaker": ""} | result.to_json()))
    back = Pronunciation.from_json(row)
    assert back.to_json() == result.to_json()
    assert [phone.class_ for phone in back.phones] == ["ok", "ok", "ok", "variant"]


def test_score_without_probabilities_is_the_share_without_an_error(wav):
    result = load_model("command:echo S IY K").score(wav, "see it")
    assert [phone.class_ for phone in result.phones].count("error") == 2
    assert result.score == 0.5
