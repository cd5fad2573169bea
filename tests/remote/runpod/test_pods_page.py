"""docs/pods.md: its commands are there, with the options that it gives them, and its numbers are the code's."""

import re
import shlex
from pathlib import Path

import pytest

from asheard.remote.runpod.client import PodSpec
from asheard.remote.runpod.pods import PATIENCE_S
from support.in_process import run

PAGE = (Path(__file__).parents[3] / "docs" / "pods.md").read_text(encoding="utf-8")


def commands():
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("asheard ")]


def test_the_page_walks_from_up_to_down():
    assert [words[2] for words in commands() if words[1] == "remote"] == [
        "up",
        "list",
        "train",
        "logs",
        "pull",
        "pull",
        "down",
    ]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_its_commands_are_there(words, monkeypatch, capsys):
    verb = words[1:3] if words[1] == "remote" else words[1:2]
    monkeypatch.setenv("COLUMNS", "200")
    helped = run(monkeypatch, capsys, *verb, "--help")
    assert helped.code == 0, helped.err
    for option in (word for word in words if word.startswith("--")):
        assert option in helped.out


def test_its_numbers_are_the_codes():
    order = PodSpec()
    assert f"--max-hours`, {order.max_hours:g} unless" in PAGE
    assert f"--idle-minutes`, {order.idle_minutes:g} unless" in PAGE
    assert f"after {PATIENCE_S / 60:g} minutes: takes it down" in PAGE
    assert f"{order.volume_gb + order.disk_gb} GB are 1.2 cents an hour" in PAGE
    assert f"the default is {order.gpu})" in " ".join(PAGE.split())
