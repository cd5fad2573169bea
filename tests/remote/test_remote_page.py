"""Commands of docs/remote.md are understood, and its numbers are those of the code."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from asheard.cli import app
from asheard.remote.executors import executor_at
from asheard.remote.machine import parse_address
from asheard.remote.runpod.client import POD_PREFIX, PodSpec
from asheard.remote.runpod.pods import BOOT_PATIENCE_S

PAGE = (Path(__file__).parents[2] / "docs" / "remote.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    lines = PAGE.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if re.match(r"( {4})?asheard ", line)]


def test_page_shows_every_command():
    verbs = {words[2] for words in commands() if words[1] == "remote"}
    assert verbs == {"up", "list", "down", "sync", "check", "train", "logs", "pull"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_page_commands_are_understood(words, tmp_path):
    """Options are parsed, and machines and executors are resolved; nothing is run."""
    command, words = get_command(app), words[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    given = command.make_context("asheard", words).params
    machines = given.get("machine_name") or given.get("machine_names") or ""
    for name in machines.split(","):
        if name and not name.startswith(POD_PREFIX):
            assert parse_address(name)
    if executor := given.get("executor"):
        assert executor_at(executor, tmp_path, max_cost=given.get("max_cost"), max_hours=given.get("max_hours"))


def test_page_numbers_are_those_of_the_code():
    spec, text = PodSpec(), " ".join(PAGE.split())
    assert f"`--max-hours`, {spec.max_hours:g} unless" in text
    assert f"`--idle-minutes`, {spec.idle_minutes:g} unless" in text
    assert f"after {BOOT_PATIENCE_S / 60:g} minutes terminates it" in text
    assert f"{spec.volume_gb + spec.disk_gb} GB are 1.2 cents an hour" in text
    assert f"the default is {spec.gpu})" in text
