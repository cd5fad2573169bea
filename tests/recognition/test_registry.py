"""Named models: the built-in ones, and what a user's TOML file may say."""

import pytest

from asheard.errors import ModelError
from asheard.pronunciation.scorer import Model
from asheard.recognition.load import smoke_test
from asheard.recognition.registry import built_in_models, read_models


def read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    return read_models(tmp_path / "mine.toml")


def test_built_in_models():
    entries = {entry.name: entry for entry in built_in_models()}
    assert list(entries) == ["asheard-tiny", "embedded-base", "hama", "pocketsphinx"]
    for entry in entries.values():
        assert entry.broken is None
        assert entry.trained_on
        assert entry.coverage
        assert entry.limitations


@pytest.mark.parametrize("name", ["asheard-tiny", "embedded-base"])
def test_smoke_test_of_the_shipped_models(name):
    (entry,) = (entry for entry in built_in_models() if entry.name == name)
    model = Model.load(entry)
    assert len(smoke_test(model.recogniser)) > 3
    assert model.calibrated == (name == "asheard-tiny")


def test_read_models_of_every_kind(tmp_path):
    (tmp_path / "ft").mkdir()
    entries = read(
        tmp_path,
        """
        [transcribers.ft-l2]
        kind = "model"
        path = "ft"
        trained_on = "us"
        coverage = "everything"
        limitations = ["none that we know"]
        [transcribers.theirs]
        kind = "hub"
        id = "facebook/wav2vec2-lv-60-espeak-cv-ft"
        [transcribers.program]
        kind = "command"
        command = "python3 hear.py"
        """,
    )
    assert [entry.broken for entry in entries] == [None] * 3
    assert [entry.model for entry in entries] == [
        str(tmp_path / "ft"),
        "facebook/wav2vec2-lv-60-espeak-cv-ft",
        "command:python3 hear.py",
    ]
    assert (entries[0].trained_on, entries[1].trained_on) == ("us", "not stated")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ('kind = "modle"', "field 'kind' is 'modle'; there are model, hub"),
        ("", "field 'kind' is None"),
        ('kind = "model"', "field 'path' must be a text"),
        ('kind = "model"\npath = 7', "field 'path' must be a text, not 7"),
        ('kind = "model"\npath = "x"\nid = "y"', "field 'id' is none of kind, path"),
        ('kind = "hub"\nid = "y"\nlimitations = "many"', "field 'limitations' must be a list"),
    ],
)
def test_read_models_marks_a_wrong_entry_as_broken(tmp_path, table, reason):
    wrong, right = read(tmp_path, f'[transcribers.x]\n{table}\n[transcribers.y]\nkind = "command"\ncommand = "echo K"')
    assert f"transcribers.x: {reason}" in wrong.broken
    assert right.broken is None


@pytest.mark.parametrize("text", ["[transcribers", "[models.x]", "", "transcribers = 3"])
def test_read_models_refuses_other_files(tmp_path, text):
    with pytest.raises(ModelError, match=r"mine\.toml"):
        read(tmp_path, text)
