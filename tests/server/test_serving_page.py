"""docs/serving.md: its registry is read, and its curl commands are answered."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from asheard.recognition.registry import read_models

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
CURL = re.findall(r"^curl (.*)$", PAGE, flags=re.MULTILINE)


def test_docs_registry(tmp_path):
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    (tmp_path / "runs" / "ft-l2" / "final").mkdir(parents=True)
    entries = read_models(tmp_path / "mine.toml")
    assert [entry.name for entry in entries] == list(tomllib.loads(example)["transcribers"])
    assert [entry.broken for entry in entries] == [None] * 3


@pytest.mark.parametrize("command", CURL, ids=[command.split("8765")[1][:12] for command in CURL])
def test_docs_curl_commands(client, wav, command):
    words = shlex.split(command)
    method, fields, files = "POST" if "-F" in words else "GET", [], {}
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-F":
            name, value = words.pop(0).split("=", 1)
            if value.startswith("@"):
                files[name] = wav
            else:
                fields.append((name, value))
        else:
            path = word.removeprefix("http://127.0.0.1:8765")
    data = {name: [value for other, value in fields if other == name] for name, _ in fields}
    answer = client.request(method, path, data=data, files=files or None)
    assert answer.status_code in (200, 204), answer.text


def test_docs_statuses_are_those_of_openapi(client):
    described = client.get("/openapi.json").json()["paths"]["/score"]["post"]["responses"]
    errors = PAGE.split("### Errors")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| (\d{3}) ", errors, flags=re.MULTILINE)) == set(described) - {"200"}
