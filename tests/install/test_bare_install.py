"""The wheel without extras, in an environment of its own: every command runs, or says in one line what to install."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from install_check import MAX_INSTALL_MB, PIP, TEXT, install_wheel, size_mb, write_speech

pytestmark = pytest.mark.install

# Without its extra: the command, the extra that it names.
NEEDS_EXTRA = {
    "evaluate": (["evaluate", "--gold", "gold.jsonl", "--chain", "x=x.jsonl", "--out", "out"], "evaluate"),
    "report": (["report", "."], "evaluate"),
    "corpus stats --out": (["corpus", "stats", "manifests", "--out", "errors.png"], "evaluate"),
    "study": (["study", "--out", "out"], "train"),
    "train": (
        ["train", "faithful", "--wav-root", ".", "--train", "t", "--val", "v", "--checkpoint-dir", "out"],
        "train",
    ),
    "serve": (["serve"], "serve"),
    "remote list": (["remote", "list"], "remote"),
    "transcribe --model hama": (["transcribe", "moon.wav", "--model", "hama"], "recognisers"),
    "score --model hama": (["score", "moon.wav", "--text", TEXT, "--model", "hama"], "recognisers"),
    "score --model pocketsphinx": (["score", "moon.wav", "--text", TEXT, "--model", "pocketsphinx"], "recognisers"),
    "transcribe --model FOLDER": (["transcribe", "moon.wav", "--model", "some/model"], "train"),
}
COMMANDS = (
    [],
    ["transcribe"],
    ["score"],
    ["calibrate"],
    ["evaluate"],
    ["report"],
    ["study"],
    ["serve"],
    ["train"],
    ["prior"],
    ["prior", "fit"],
    ["corpus"],
    ["corpus", "build"],
    ["corpus", "check"],
    ["corpus", "stats"],
    ["models"],
    ["models", "list"],
    ["models", "check"],
    ["models", "export"],
    ["remote"],
    ["remote", "up"],
    ["remote", "train"],
)


@pytest.fixture(scope="session")
def programs(tmp_path_factory) -> Path:
    """The programs of a bare install; skipped if the packages cannot be fetched."""
    try:
        return install_wheel(tmp_path_factory.mktemp("bare") / "venv")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the base packages cannot be installed here: {error}")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A folder with one recording, one manifest and the files that commands ask for."""
    folder = tmp_path_factory.mktemp("bare-work")
    write_speech(folder / "moon.wav")
    (folder / "some" / "model").mkdir(parents=True)
    (folder / "some" / "model" / "config.json").write_text("{}")
    row = {"utt": "moon", "speaker": "A", "l1": "Hindi", "wav": "moon.wav", "text": TEXT, "seconds": 1.0, "tokens": []}
    (folder / "manifests").mkdir()
    for split in ("train", "val", "test"):
        (folder / "manifests" / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.fixture(scope="session")
def run(programs, folder):
    """Run the command line of the bare install in that folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"RUNPOD_API_KEY": "no key"}
        return subprocess.run(
            [programs / "asheard", *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )

    return run


def test_install_is_small(programs):
    assert size_mb(programs.parent) <= MAX_INSTALL_MB


@pytest.mark.parametrize("package", ["torch", "transformers", "scipy", "polars", "matplotlib", "numba", "fastapi"])
def test_install_lacks_heavy_package(programs, package):
    found = subprocess.run([programs / "python", "-c", f"import {package}"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in found.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_runs(run, command):
    done = run(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("name", NEEDS_EXTRA)
def test_missing_extra_is_named_in_one_line(run, name):
    arguments, extra = NEEDS_EXTRA[name]
    done = run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert f"pip install 'asheard[{extra}]'" in line


def test_transcribe_prints_phones(run):
    done = run("transcribe", "moon.wav", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {"s", "m", "n"} <= set(json.loads(done.stdout)["phones"])


def test_score_prints_a_pronunciation(run):
    done = run("score", "moon.wav", "--text", TEXT, "--l1", "Hindi", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [word["word"] for word in json.loads(done.stdout)["words"]] == TEXT.split()


def test_embedded_base_transcribes(run):
    done = run("transcribe", "moon.wav", "--model", "embedded-base", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "m" in json.loads(done.stdout)["phones"]


def test_models_list_runs(run):
    done = run("models", "list")
    assert done.returncode == 0, done.stderr
    assert "asheard-tiny" in done.stdout


def test_python_front_door(programs, folder):
    code = (
        "import asheard, json\n"
        "model = asheard.load_model('asheard-tiny')\n"
        "print(json.dumps(model.transcribe('moon.wav').phones))\n"
        f"print(model.score('moon.wav', '{TEXT}', l1='Spanish').score)\n"
    )
    done = subprocess.run([programs / "python", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    phones, score = done.stdout.splitlines()
    assert "m" in json.loads(phones)
    assert 0.5 < float(score) <= 1


def test_score_with_hama_needs_no_torch(programs, tmp_path, folder):
    """hama runs by its own engine. It lies beside the bare install, not in it."""
    try:
        subprocess.run([*PIP, "install", "--no-deps", "--target", tmp_path, "hama>=1.7.0"], check=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"hama cannot be installed here: {error}")
    command = [programs / "asheard", "score", "moon.wav", "--text", TEXT, "--model", "hama", "--format", "json"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "hama"
