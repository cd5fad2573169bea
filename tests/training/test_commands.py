"""`asheard train` parses its options, trains and prints the result."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from asheard.cli import app
from asheard.corpora.records import read_manifest, read_predictions, write_manifest
from asheard.errors import GateError, ModelError
from asheard.models import read_card

RUNNER = CliRunner()


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


@pytest.mark.parametrize("kind", ["faithful", "l1-aware"])
def test_train_command_and_transcribe(kind, tones, tmp_path):
    folder = tmp_path / "run"
    command = [
        "train",
        kind,
        "--wav-root",
        tones,
        "--train",
        tones / "train.jsonl",
        "--val",
        tones / "val.jsonl",
    ]
    command += ["--checkpoint-dir", folder, "--base", tones / "base", "--preset", "quick", "--epochs", 2]
    command += ["--unknown-phones", "left-out"]
    output = run(*command, "--seed", 3, *(["--lambda-l1", 0.5] if kind == "l1-aware" else []))
    assert "trained on 48 utterances" in output
    assert re.search(r"epoch 2: val PER [\d.]+%" + (r", L1 accuracy" if kind == "l1-aware" else ""), output)
    options = read_card(folder / "final")["training"]["options"]
    assert (options["seed"], options["lambda_l1"]) == (3, 0.5 if kind == "l1-aware" else 0.3)
    assert options["unknown_phones"] == "left-out"
    again = run(*command, "--seed", 3, *(["--lambda-l1", 0.5] if kind == "l1-aware" else []))
    assert "already trained" in again

    out = tmp_path / "val.jsonl"
    command = [
        "transcribe",
        "--model",
        folder / "final",
        "--manifest",
        tones / "val.jsonl",
        "--wav-root",
        tones,
    ]
    output = run(*command, "--out", out, "--l1-withheld", "--chain", "mine")
    assert "12 utterances by mine" in output
    assert len(read_predictions(out)) == 12


def test_train_command_preset_tiny(tones, tmp_path):
    command = ["train", "faithful", "--preset", "tiny", "--epochs", 1, "--base", tones / "conformer"]
    command += ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl"]
    assert "trained on 48 utterances" in run(*command, "--checkpoint-dir", tmp_path / "run")
    options = read_card(tmp_path / "run" / "final")["training"]["options"]
    assert (options["augment"], options["freeze_front_end"], options["epochs"]) == (True, False, 1)


def test_train_command_prints_exclusions(tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")[:8]
    write_manifest(tmp_path / "train.jsonl", [replace(rows[0], wav=None), *rows[1:]])
    command = [
        "train",
        "faithful",
        "--wav-root",
        tones,
        "--train",
        tmp_path / "train.jsonl",
        "--val",
        tones / "val.jsonl",
    ]
    command += ["--checkpoint-dir", tmp_path / "run", "--base", tones / "base", "--preset", "quick"]
    printed = run(*command).replace(" ", "")  # a long path is broken across lines
    assert f"leftoutoftrain:1(norecording),namedin{tmp_path}/run/final/card.json" in printed


def test_train_command_pilot(tones, tmp_path):
    command = ["train", "faithful", "--wav-root", tones, "--train", tones / "train.jsonl"]
    command += ["--val", tones / "val.jsonl", "--checkpoint-dir", tmp_path, "--base", tones / "base"]
    command += ["--pilot", 2, "--pilot-train", 8]
    result = RUNNER.invoke(app, [str(argument) for argument in command])
    assert isinstance(result.exception, ModelError)
    assert "For a small base use --preset embedded" in str(result.exception)
    result = RUNNER.invoke(app, [str(argument) for argument in [*command, "--preset", "embedded"]])
    assert isinstance(result.exception, GateError)
    assert "pilot of 2 steps" in str(result.exception)


def test_train_command_refuses_options_of_another_kind(tones, tmp_path):
    files = ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl"]
    files += ["--checkpoint-dir", tmp_path]
    wrong = [("faithful", "--lambda-l1", 0.5), ("base", "--lambda-l1", 0.5), ("base", "--preset", "quick")]
    for kind, option, value in wrong:
        result = RUNNER.invoke(app, ["train", kind, *map(str, [*files, option, value])])
        assert result.exit_code == 2
        assert option in result.output


def test_train_command_base(tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")[:6]
    write_manifest(tmp_path / "train.jsonl", rows)
    command = ["train", "base", "--wav-root", tones, "--train", tmp_path / "train.jsonl", "--val", tones / "val.jsonl"]
    command += ["--base", tones / "base", "--epochs", 1, "--checkpoint-dir", tmp_path / "run"]
    assert "trained on 6 utterances" in run(*command)
    options = read_card(tmp_path / "run" / "final")["training"]["options"]
    assert (options["kind"], options["freeze_front_end"]) == ("base", False)


def test_commands_of_the_documentation_are_understood():
    """The commands of docs/training.md are parsed, not run."""
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8").replace("\\\n", "")
    found = re.findall(r"^    .*?\basheard ((?:train|transcribe) .*)$", text, re.MULTILINE)
    commands = [shlex.split(line) for line in found]
    assert len(commands) >= 5
    for words in commands:
        command = get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context("asheard", words)
