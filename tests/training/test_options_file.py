"""Training options are written to a file and read again; a file with wrong options is refused by name."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from asheard.cli import app
from asheard.errors import AsHeardError, CorpusError
from asheard.models import read_card
from asheard.training import PRESETS, TrainingOptions, faithful, options_to_json, read_options, train


def test_read_options_reads_what_was_written(options, tmp_path):
    path = tmp_path / "options.json"
    places = {name: options[name] for name in ("train", "val", "wav_root", "checkpoint_dir")}
    for written in [TrainingOptions(**options), *(faithful(**places, preset=preset) for preset in PRESETS)]:
        path.write_text(json.dumps(options_to_json(written)))
        assert read_options(path) == written
        assert read_options(path).fingerprint() == written.fingerprint()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": "3"}, "field 'epochs' must be a whole number, not"),
        ({"epochs": True}, "field 'epochs' must be a whole number, not"),
        ({"peak_lr": None}, "field 'peak_lr' must be a number"),
        ({"train": 3}, "field 'train' must be a path"),
        ({"base": 3}, "field 'base' must be a text or null"),
        ({"augment": 1}, "field 'augment' must be true or false"),
        ({"kind": "best"}, "field 'kind' must be base or faithful or l1-aware, not 'best'"),
        ({"dropout": 2}, "dropout is 2; it must be a share"),
        ({"speed": 2, "haste": 1}, "no such field: 'haste', 'speed'"),
    ],
)
def test_read_options_names_a_wrong_option(options, tmp_path, change, message):
    path = tmp_path / "options.json"
    path.write_text(json.dumps(options_to_json(TrainingOptions(**options)) | change))
    with pytest.raises(AsHeardError, match=message):
        read_options(path)


def test_read_options_refuses_other_files(tmp_path):
    path = tmp_path / "options.json"
    for text, message in (
        ("[]", "training options must be an object"),
        ('{"kind": "base"}', "missing field: 'checkpoint_dir'"),
    ):
        path.write_text(text)
        with pytest.raises(CorpusError, match=message):
            read_options(path)
    path.write_text("{")
    with pytest.raises(CorpusError, match=r"options.json: not JSON"):
        read_options(path)


def test_train_command_options_file(options, tmp_path, monkeypatch):
    """Relative paths start from the current folder."""
    run = TrainingOptions(**options)
    monkeypatch.chdir(run.wav_root)
    relative = {name: getattr(run, name).relative_to(run.wav_root) for name in ("train", "val", "wav_root")}
    path = tmp_path / "options.json"
    path.write_text(json.dumps(options_to_json(replace(run, **relative, base="base"))))
    done = CliRunner().invoke(app, ["train", "options", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "trained on 48 utterances" in " ".join(done.output.split())
    assert train(run) == run.final
    assert read_card(run.final)["training"]["options"] == run.fingerprint()
