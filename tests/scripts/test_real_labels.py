"""The scripts around real labels: words rebuilt from phones, and the prior tried on real speech."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asheard.phones.lexicon import pronunciations, syllable_positions
from asheard.phones.text import split_words

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def word_cut():
    pytest.importorskip("wordfreq", reason="wordfreq is a development dependency")
    spec = importlib.util.spec_from_file_location("word_cut", SCRIPTS / "word_cut.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_words_rebuilt_from_merged_phones_give_positions_and_the_fine_phones_back(word_cut):
    words = [pronunciations(word)[0] for word in split_words("the children washed their dog before lunch")]
    fine = [phone for phones in words for phone in phones]
    positions = [position for phones in words for position in syllable_positions(phones)]
    merged = word_cut.merged(fine)
    assert merged != tuple(fine)
    assert [position for _, position in word_cut.cut_into_words(merged)] == positions
    back = [phone for phone, _ in word_cut.cut_into_words(merged)]
    assert word_cut.merged(back) == merged
    assert "ʃ" in back
    assert "ʒ" not in back


def test_phones_of_no_word_have_no_position(word_cut):
    assert word_cut.cut_into_words(["ŋ", "ŋ"]) == [("ŋ", None), ("ŋ", None)]
    assert word_cut.cut_into_words([]) == []


def real_labels(out, data):
    return subprocess.run(
        [sys.executable, str(SCRIPTS / "real_labels.py"), "--out", str(out)],
        env=os.environ | {"ASHEARD_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_absent_labels_are_one_line_that_says_what_to_do(tmp_path):
    pytest.importorskip("wordfreq", reason="wordfreq is a development dependency")
    result = real_labels(tmp_path / "out", tmp_path)
    assert result.returncode == 2
    assert f"{tmp_path / 'l2arctic-labels'}: no such folder" in result.stderr
    assert "ASHEARD_DATA" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.shared
@pytest.mark.slow
def test_the_prior_lowers_false_rejections_of_real_people(tmp_path, real_data):
    result = real_labels(tmp_path, real_data)
    assert result.returncode == 0, result.stderr
    chains = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["chains"]
    plain, behind = (chains[name]["pooled"] for name in ("cnn-rnn-ctc", "cnn-rnn-ctc+l1-prior"))
    assert plain["per"] == behind["per"]
    assert behind["frr_class"] < plain["frr_class"] - 0.02
    assert 0 < plain["atypical_errors_caught"] - behind["atypical_errors_caught"] < 0.02
    assert behind["published"]["f1"] < plain["published"]["f1"]  # what is typical counts as an error there
    text = (tmp_path / "PRIOR.md").read_text(encoding="utf-8")
    assert "Real speech" in text
    assert (tmp_path / "RESULTS.md").is_file()
