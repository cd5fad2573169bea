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
    from asheard.evaluation import files
    from asheard.pronunciation import scorer

    assert asheard.load_model is scorer.load_model
    assert asheard.evaluate is files.evaluate
    assert asheard.study is pipeline.study
    assert all(getattr(asheard, name).__doc__ for name in ("load_model", "evaluate", "study"))


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'asheard' has no attribute 'listen'"):
        _ = asheard.listen


FRONT = "inspect, asheard; print(inspect.signature(asheard.evaluate)); print(inspect.signature(asheard.study))"


def test_signatures_need_no_extra():
    """Without torch and polars: a module that is None in sys.modules cannot be imported."""
    code = f"import sys; sys.modules.update(torch=None, polars=None, matplotlib=None, scipy=None); import {FRONT}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    evaluate, study = done.stdout.splitlines()
    assert evaluate.startswith("(gold: pathlib.Path | str, chains: ")
    assert study.startswith("(out: pathlib.Path | str, *, corpus: ")


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("polars", "evaluate", lambda: asheard.evaluate("gold.jsonl", {}, "out")),
        ("torch", "train", lambda: asheard.study("out")),
    ],
)
def test_missing_extra_is_named(monkeypatch, package, extra, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError, match=rf"pip install 'asheard\[{extra}\]'"):
        call()
