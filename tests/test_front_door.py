"""`import asheard`: what it offers, and that it imports nothing heavy."""

import json
import subprocess
import sys

import pytest

import asheard
from asheard.errors import ModelError


def test_import_is_light():
    code = "import sys, asheard, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "polars", "rich", "typer"} & set(json.loads(done.stdout))


def test_dir_lists_the_functions():
    assert {"load_model", "evaluate", "study", "DEFAULT_MODEL", "__version__"} <= set(dir(asheard))
    assert set(asheard.__all__) <= set(dir(asheard))


def test_functions_are_those_of_their_modules():
    from asheard import pipeline
    from asheard.evaluation import steps
    from asheard.pronunciation import scorer

    assert asheard.load_model is scorer.load_model
    assert asheard.evaluate is steps.evaluate
    assert asheard.study is pipeline.study
    assert all(getattr(asheard, name).__doc__ for name in ("load_model", "evaluate", "study"))


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'asheard' has no attribute 'listen'"):
        _ = asheard.listen


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(vars(asheard), "study", raising=False)
    with pytest.raises(ModelError, match=r"pip install 'asheard\[train\]'"):
        _ = asheard.study
