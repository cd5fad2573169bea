"""Arguments of the Python API: one of another type or out of its range is refused by name."""

from functools import partial

import numpy as np
import pytest

import asheard
from asheard.errors import CorpusError, ModelError, PhoneError
from asheard.recognition.load import load_recogniser
from install_check import TEXT, write_speech


def type_name(value: object) -> str:
    return type(value).__name__


@pytest.fixture(scope="module")
def model():
    return asheard.load_model()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("spoken") / "clip.wav"
    write_speech(path)
    return path


@pytest.mark.parametrize("value", [None, 3, [0.0] * 16_000, b"clip.wav", object()], ids=type_name)
def test_recording_of_another_type(model, value) -> None:
    message = f"recording must be str, PathLike or ndarray, not {type(value).__name__}"
    for call in (model.transcribe, partial(model.score, target=TEXT)):
        with pytest.raises(TypeError, match=message):
            call(value)


@pytest.mark.parametrize("value", [None, 3, ["see", "the"], b"see the moon"], ids=type_name)
def test_target_of_another_type(model, recording, value) -> None:
    with pytest.raises(TypeError, match=f"target must be str or Target, not {type(value).__name__}"):
        model.score(recording, value)


@pytest.mark.parametrize("value", [3, b"Hindi", ["Hindi"]], ids=type_name)
def test_l1_of_another_type(model, recording, value) -> None:
    for call in (partial(model.transcribe, recording), partial(model.score, recording, TEXT)):
        with pytest.raises(TypeError, match=f"l1 must be str or None, not {type(value).__name__}"):
            call(l1=value)


def test_l1_that_is_empty(model, recording) -> None:
    """As on the command line, where an empty value is refused."""
    for call in (partial(model.transcribe, recording), partial(model.score, recording, TEXT)):
        with pytest.raises(ValueError, match="l1 is empty; give a language, or None"):
            call(l1="")


def test_l1_that_is_unknown_names_the_known_ones(model, recording) -> None:
    with pytest.raises(CorpusError, match="has the L1 'Klingon', and the prior knows Arabic, Chinese, Hindi"):
        model.score(recording, TEXT, l1="Klingon")


@pytest.mark.parametrize(
    ("error", "text"), [(CorpusError, ""), (CorpusError, "gone.wav"), (CorpusError, ".")], ids=repr
)
def test_recording_that_is_no_file(model, error, text) -> None:
    with pytest.raises(error):
        model.transcribe(text)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 16_000)), np.zeros(16_000)], ids=np.shape)
def test_samples_without_speech(model, samples) -> None:
    with pytest.raises(CorpusError):
        model.transcribe(samples.astype(np.float32))


def test_text_without_words(model, recording) -> None:
    with pytest.raises(PhoneError):
        model.score(recording, " ")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"threads": 0}, ValueError, "threads is 0; it must be 1 or more"),
        ({"threads": "2"}, TypeError, "threads must be int, not str"),
        ({"name": None}, TypeError, "name must be str or PathLike, not NoneType"),
        ({"name": 3}, TypeError, "name must be str or PathLike, not int"),
        ({"prior": 3}, TypeError, "prior must be str, PathLike or None, not int"),
        ({"calibration": []}, TypeError, "calibration must be str, PathLike or None, not list"),
        ({"name": ""}, ModelError, "no model ''"),
    ],
    ids=str,
)
def test_load_model_refuses(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        asheard.load_model(**arguments)


@pytest.mark.parametrize(
    "name", ["asheard-tinny", "runs/gone/final", "/gone/model", "Hama", "", "owner/", "a/b/c", "~/m"]
)
def test_model_that_is_not_known_names_the_known_ones(name, monkeypatch) -> None:
    """Nothing is imported or asked for at the hub, because the name is no hub id."""
    monkeypatch.setattr("asheard.recognition.load.optional_package", pytest.fail)
    with pytest.raises(ModelError) as raised:
        load_recogniser(name)
    assert str(raised.value) == (
        f"no model {name!r}; give asheard-tiny, embedded-base, hama, pocketsphinx, 'command:PROGRAM ARGUMENTS', a "
        "model folder, or a hub id (OWNER/NAME)"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"gold": None}, TypeError, "gold must be str or PathLike, not NoneType"),
        ({"out": 3}, TypeError, "out must be str or PathLike, not int"),
        ({"chains": ["mine.jsonl"]}, TypeError, "chains must be Mapping, not list"),
        ({"chains": {"mine": None}}, TypeError, "mine must be str or PathLike, not NoneType"),
        ({"chains": {}}, CorpusError, "no chains to evaluate"),
        ({"with_prior": "mine"}, TypeError, "with_prior must be list, tuple, set or frozenset, not str"),
        ({"train": 3}, TypeError, "train must be str, PathLike or None, not int"),
    ],
    ids=str,
)
def test_evaluate_refuses(tmp_path, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        asheard.evaluate(**{"gold": "gold.jsonl", "chains": {"mine": "mine.jsonl"}, "out": tmp_path} | arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"out": None}, TypeError, "out must be str or PathLike, not NoneType"),
        ({"seeds": 3}, TypeError, "seeds must be list, tuple or range, not int"),
        ({"seeds": "12"}, TypeError, "seeds must be list, tuple or range, not str"),
        ({"seeds": ["1"]}, TypeError, "a seed must be int, not str"),
        ({"seeds": []}, ValueError, "give different numbers of 0 or more"),
        ({"seeds": [1, 1]}, ValueError, "give different numbers of 0 or more"),
        ({"folds": 0}, ValueError, "folds is 0; it must be 1 or more"),
        ({"preset": 1}, TypeError, "preset must be str or None, not int"),
    ],
    ids=str,
)
def test_study_refuses(tmp_path, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        asheard.study(**{"out": tmp_path} | arguments)
    assert not list(tmp_path.iterdir())
