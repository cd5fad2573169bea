"""Anybody's corpus as a table: JSON Lines or CSV, aligned or not, ARPAbet or IPA, sound or broken."""

import json
from collections import Counter

import pytest

from asheard.corpora.labels import MAX_PHONES
from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.corpora.table import read_gold, read_table
from asheard.errors import CorpusError

OK, S, D, A = ErrorType
ALIGNED = {
    "utt": "u1",
    "speaker": "X",
    "l1": "Korean",
    "canonical": ["dh", "ah0", "k", "ae", "t", None],
    "perceived": ["d", "ah0", "err", "ae", None, "ax"],
}
TOKENS = (
    Token("ð", "d", S),
    Token("ə", "ə", OK),
    Token("k", None, S),
    Token("æ", "æ", OK),
    Token("t", None, D),
    Token(None, "ə", A),
)


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_read_table_aligned_rows(tmp_path):
    (utterance,) = read_table(jsonl(tmp_path / "t.jsonl", ALIGNED | {"wav": "a/b.flac", "text": "The cat."}))
    assert utterance.tokens == TOKENS
    assert (utterance.key, utterance.l1) == (("X", "u1"), "Korean")
    assert (utterance.wav, utterance.text, utterance.seconds) == ("a/b.flac", "The cat.", None)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_read_table_csv_equals_json_lines(tmp_path, mark):
    path = tmp_path / "t.csv"
    path.write_text(
        f"{mark}utt,speaker,l1,wav,seconds,canonical,perceived\n"
        "u1,X,Korean,,1.5,DH AH0 K AE1 T -,D AH0 err AE1 - AX\n"
        'u1,Y,Korean,"y/u,1.wav",,K,sil\n',
        encoding="utf-8",
    )
    first, second = read_table(path)
    assert first.tokens == TOKENS
    assert first.seconds == 1.5
    assert first.wav is None
    assert second.tokens == (Token("k", None, D),)
    assert second.wav == "y/u,1.wav"


def test_read_table_detects_ipa(tmp_path):
    rows = [
        ALIGNED | {"canonical": ["b", "t"], "perceived": ["b", "d"]},
        ALIGNED | {"utt": "u2", "canonical": ["ð", "ə", "aɪə"], "perceived": ["d", "ə", "aɪ"]},
    ]
    first, second = read_table(jsonl(tmp_path / "t.jsonl", *rows))
    assert first.tokens == (Token("b", "b", OK), Token("t", "d", S))
    assert second.tokens[2:] == (Token("aɪ", "aɪ", OK), Token("ə", None, D))


def test_read_table_espeak_labels(tmp_path):
    row = ALIGNED | {"canonical": ["n", "ɔːɹ", "θ"], "perceived": ["n", "oː", "s"]}
    (utterance,) = read_table(jsonl(tmp_path / "t.jsonl", row))
    assert utterance.canonical == ("n", "ɔ", "ɹ", "θ")
    assert utterance.produced == ("n", "oʊ", "s")


def test_read_table_refuses_two_alphabets(tmp_path):
    rows = [ALIGNED, ALIGNED | {"utt": "u2", "canonical": ["b", "ə"], "perceived": ["b", "ə"]}]
    with pytest.raises(CorpusError, match=r"line 2, canonical 1: 'ə' is IPA, but most labels of the file are ARPAbet"):
        read_table(jsonl(tmp_path / "t.jsonl", *rows))


@pytest.mark.parametrize("heard", ["perceived", "produced"])
def test_read_table_rows_without_phones(tmp_path, heard):
    """A row all the same: evaluation counts it."""
    row = {"utt": "u", "speaker": "X", "l1": "Hindi", "canonical": [], heard: []}
    assert read_table(jsonl(tmp_path / "t.jsonl", row))[0].tokens == ()


@pytest.mark.parametrize("heard", ["perceived", "produced"])
def test_read_table_refuses_too_many_phones(tmp_path, heard):
    row = {"utt": "u", "speaker": "X", "l1": "Hindi", "canonical": 100_000 * ["k"], heard: 100_000 * ["k"]}
    with pytest.raises(
        CorpusError, match=r"t\.jsonl, line 1, utterance X/u: 100,000 phones in 'canonical'; the limit is"
    ):
        read_table(jsonl(tmp_path / "t.jsonl", row))
    token = Token(None, "k", A)
    write_manifest(tmp_path / "m.jsonl", [Utterance("u", "X", "Hindi", None, None, (MAX_PHONES + 1) * (token,))])
    with pytest.raises(CorpusError, match=r"m\.jsonl, utterance X/u: 16,385 phones in 'produced'; the limit is"):
        read_gold(tmp_path / "m.jsonl")


def test_read_table_aligns_sequences(tmp_path):
    row = {key: value for key, value in ALIGNED.items() if key != "perceived"}
    row |= {"canonical": ["dh", "ah0", "k", "ae", "t"], "produced": ["d", "ah0", "err", "ae", "t", "ax"]}
    (utterance,) = read_table(jsonl(tmp_path / "t.jsonl", row))
    assert utterance.tokens == (*TOKENS[:4], Token("t", "t", OK), Token(None, "ə", A))
    assert utterance.produced == ("d", "ə", "æ", "t", "ə")


def test_read_table_aligned_and_unaligned_rows(tmp_path):
    unaligned = {"utt": "u0", "speaker": "X", "l1": "Korean", "canonical": "K AE1", "produced": "AE1"}
    rows = read_table(jsonl(tmp_path / "t.jsonl", unaligned, ALIGNED, unaligned | {"utt": "u2", "produced": "K"}))
    assert [row.utt for row in rows] == ["u0", "u1", "u2"]
    assert [row.produced for row in rows] == [("æ",), ("d", "ə", "æ", "ə"), ("k",)]


def test_read_gold_distinguishes_manifests_from_tables(tmp_path):
    table = jsonl(tmp_path / "t.txt", ALIGNED)
    write_manifest(tmp_path / "m.txt", read_table(table))
    assert read_gold(tmp_path / "m.txt") == read_gold(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"perceived": ["d"]}, "'canonical' has 6 items and 'perceived' 1"),
        ({"perceived": None}, "has none"),
        ({"produced": ["d"]}, "has perceived and produced"),
        ({"canonical": None}, "field 'canonical' must be a list"),
        ({"canonical": 3}, "field 'canonical' must be a list"),
        ({"perceived": ["d", "ah0", 7, "ae", None, "ax"]}, "field 'perceived', item 2"),
        ({"perceived": ["d", "ah0", "qq", "ae", None, "ax"]}, "perceived 2: .*'qq'"),
        ({"canonical": ["dh", "err", "k", "ae", "t", None]}, "canonical 1: 'err' is a perceived label"),
        ({"speaker": ""}, "field 'speaker'"),
        ({"utt": 5}, "field 'utt'"),
        ({"l1": None}, "field 'l1'"),
        ({"wav": 5}, "field 'wav'"),
        ({"seconds": "long"}, "field 'seconds'"),
        ({"seconds": float("nan")}, "field 'seconds'"),
    ],
)
def test_read_table_refuses_rows(tmp_path, change, message):
    path = jsonl(tmp_path / "t.jsonl", ALIGNED | {"utt": "u0"}, ALIGNED | change)
    with pytest.raises(CorpusError, match=rf"t\.jsonl, line 2.*{message}"):
        read_table(path)


def test_read_table_refuses_err_in_canonical(tmp_path):
    row = {"utt": "u", "speaker": "X", "l1": "Hindi", "canonical": "K err", "produced": "K"}
    with pytest.raises(CorpusError, match="line 1: 'err' is a perceived label"):
        read_table(jsonl(tmp_path / "t.jsonl", row))


def test_read_table_refuses_an_utterance_twice(tmp_path):
    with pytest.raises(CorpusError, match="u1 of speaker X comes twice"):
        read_table(jsonl(tmp_path / "t.jsonl", ALIGNED, ALIGNED))


def test_read_table_refuses_a_truncated_line(tmp_path):
    path = jsonl(tmp_path / "t.jsonl", ALIGNED, ALIGNED | {"utt": "u2"})
    path.write_text(path.read_text()[:-20])
    with pytest.raises(CorpusError, match="line 2: not JSON"):
        read_table(path)
    path = tmp_path / "t.csv"
    path.write_text("utt,speaker,l1,canonical,perceived\nu1,X,Korean,K,K\nu2,X,Kor")
    with pytest.raises(CorpusError, match="line 3: not as many cells"):
        read_table(path)


@pytest.mark.parametrize("content", ["", "utt,speaker,l1,canonical,perceived\n"])
def test_read_table_refuses_an_empty_table(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(CorpusError, match="holds no utterances"):
        read_gold(tmp_path / "t.csv")


def test_read_table_refuses_missing_and_unreadable_files(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        read_gold(tmp_path / "none.jsonl")
    (tmp_path / "t.csv").write_text("utt,speaker,l1,perceived\nu,X,Hindi,K\n")
    with pytest.raises(CorpusError, match=r"t\.csv, line 1: no column 'canonical' in the header"):
        read_gold(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"utt,speaker\n\xff\xff,1\n")
    with pytest.raises(CorpusError, match="not UTF-8"):
        read_gold(tmp_path / "t.csv")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("train-18-speakers", {OK: 77_144, S: 9_693, D: 2_479, A: 850}),
        ("test-6-speakers", {OK: 25_734, S: 3_111, D: 941, A: 242}),
    ],
)
def test_read_table_real_labels(real_data, file, counts):
    utterances = read_gold(real_data / "l2arctic-labels" / f"{file}.jsonl")
    assert Counter(token.error_type for row in utterances for token in row.tokens) == counts


@pytest.mark.shared
def test_read_table_real_sequences(real_data):
    path = real_data / "l2arctic-labels" / "test-6-speakers-39phones.jsonl"
    rows = [json.loads(line) for line in path.open()]
    for row, utterance in zip(rows, read_gold(path), strict=True):
        assert len(utterance.canonical) == len(row["canonical"])
        assert len(utterance.produced) == sum(phone != "err" for phone in row["produced"])
        assert sum(token.is_err for token in utterance.tokens) == row["produced"].count("err")
