"""The scripts about real labels: words found behind phones, and the prior on real speech."""

import json
import sys

import pytest

from asheard.phones.lexicon import pronunciations, syllable_positions
from support.texts import split_words

pytest.importorskip("wordfreq", reason="wordfreq is a development dependency")

import real_labels
import word_segmentation


def test_divide_into_words_gives_positions_and_fine_phones():
    words = [pronunciations(word)[0] for word in split_words("the children washed their dog before lunch")]
    fine = [phone for phones in words for phone in phones]
    positions = [position for phones in words for position in syllable_positions(phones)]
    merged = word_segmentation.merged(fine)
    assert merged != tuple(fine)
    assert [position for _, position in word_segmentation.divide_into_words(merged)] == positions
    back = [phone for phone, _ in word_segmentation.divide_into_words(merged)]
    assert word_segmentation.merged(back) == merged
    assert "ʃ" in back
    assert "ʒ" not in back


def test_divide_into_words_without_words_gives_no_position():
    assert word_segmentation.divide_into_words(["ŋ", "ŋ"]) == [("ŋ", None), ("ŋ", None)]
    assert word_segmentation.divide_into_words([]) == []


def run(monkeypatch, out, data):
    monkeypatch.setenv("ASHEARD_DATA", str(data))
    monkeypatch.setattr(sys, "argv", ["real_labels.py", "--out", str(out)])
    real_labels.main()


def test_main_without_labels_exits_with_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, tmp_path / "out", tmp_path)
    assert stopped.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{tmp_path / 'l2arctic-labels'}: no such folder" in error
    assert "ASHEARD_DATA" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.shared
@pytest.mark.slow
def test_main_prior_lowers_false_rejections(tmp_path, real_data, monkeypatch):
    run(monkeypatch, tmp_path, real_data)
    chains = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["chains"]
    plain, behind = (chains[name]["pooled"] for name in ("cnn-rnn-ctc", "cnn-rnn-ctc+l1-prior"))
    assert plain["per"] == behind["per"]
    assert behind["frr_class"] < plain["frr_class"] - 0.02
    assert 0 < plain["atypical_errors_caught"] - behind["atypical_errors_caught"] < 0.02
    # The published F1 counts L1-typical substitutions as errors.
    assert behind["published"]["f1"] < plain["published"]["f1"]
    text = (tmp_path / "PRIOR.md").read_text(encoding="utf-8")
    assert "Real speech" in text
    assert (tmp_path / "RESULTS.md").is_file()
