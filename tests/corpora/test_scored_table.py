"""Tables of scores: canonical phones and what experts think of each, but not what was said instead."""

import json
from collections import Counter

import pytest

from asheard.corpora.manifests import build_table
from asheard.corpora.records import ErrorType, Token, read_manifest
from asheard.corpora.stats import corpus_stats, draw_stats
from asheard.corpora.table import read_gold, read_table
from asheard.corpora.validation import check_corpus
from asheard.errors import CorpusError

OK, S, _, _ = ErrorType
ROW = {
    "utt": "u1",
    "speaker": "X",
    "l1": "Mandarin",
    "canonical": ["DH", "AH", "B", "AH", "S"],
    "scores": [0.4, 2, 2.0, 1.0, 0.0],
}
WORDS = [{"text": "THE", "phones": ["DH", "AH0"]}, {"text": "BUS", "phones": "B AH0 S"}]


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_read_table_scores_with_words(tmp_path):
    (utterance,) = read_gold(jsonl(tmp_path / "t.jsonl", ROW | {"words": WORDS}))
    assert utterance.tokens == (
        Token("ð", None, S, score=0.4, position="onset"),
        Token("ə", "ə", OK, score=2.0, position="nucleus"),
        Token("b", "b", OK, score=2.0, position="onset"),
        Token("ʌ", "ʌ", OK, score=1.0, position="nucleus"),
        Token("s", None, S, score=0.0, position="coda"),
    )
    assert utterance.produced == ("ə", "b", "ʌ")
    assert utterance.has_err


def test_read_table_scores_without_words(tmp_path):
    (utterance,) = read_table(jsonl(tmp_path / "t.jsonl", ROW))
    assert utterance.canonical == ("ð", "ʌ", "b", "ʌ", "s")
    assert {token.position for token in utterance.tokens} == {None}


def test_read_table_scores_in_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("utt,speaker,l1,canonical,scores\nu1,X,Mandarin,DH AH B AH S,0.4 2 2.0 1.0 0\n")
    assert read_table(path)[0].tokens == read_table(jsonl(tmp_path / "t.jsonl", ROW))[0].tokens


def test_read_table_label_of_two_phones(tmp_path):
    row = ROW | {"canonical": ["f", "aɪə"], "scores": [2, 0.2], "words": [{"text": "fire", "phones": ["f", "aɪə"]}]}
    (utterance,) = read_table(jsonl(tmp_path / "t.jsonl", row))
    assert [(token.canonical, token.score, token.position) for token in utterance.tokens] == [
        ("f", 2.0, "onset"),
        ("aɪ", 0.2, "nucleus"),
        ("ə", 0.2, "nucleus"),
    ]


def test_read_table_scored_and_aligned_rows(tmp_path):
    heard = {"utt": "u2", "speaker": "X", "l1": "Thai", "canonical": "K AE T", "produced": "K AE"}
    rows = read_table(jsonl(tmp_path / "t.jsonl", ROW, heard, ROW | {"utt": "u3"}))
    assert [row.utt for row in rows] == ["u1", "u2", "u3"]
    assert rows[1].produced == ("k", "æ")
    assert rows[0].tokens == rows[2].tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": [2, 2]}, r"line 1: 2 'scores' for 5 phones; give one score a phone"),
        ({"scores": [2, 2, 2, 2, 3]}, r"line 1: scores 4 must be an expert score from 0 to 2 .*, not 3"),
        ({"scores": [2, 2, 2, 2, None]}, r"line 1: scores 4 must be an expert score .*, not None"),
        ({"scores": [2, 2, 2, 2, True]}, r"line 1: scores 4 must be an expert score"),
        ({"scores": "2 2 2 2 x"}, r"line 1: scores 4 must be an expert score .*, not 'x'"),
        ({"scores": 2.0}, r"field 'scores' must be a list of numbers"),
        ({"canonical": ["DH", None, "B", "AH", "S"]}, r"line 1: canonical 1 is no phone"),
        ({"canonical": ["DH", "err", "B", "AH", "S"]}, r"'err' is a perceived label"),
        ({"canonical": ["DH", "QQ", "B", "AH", "S"]}, r"line 1, canonical 1: 'QQ'"),
        ({"perceived": ["DH", "AH", "B", "AH", "S"]}, r"needs one of .*, has perceived and scores"),
        ({"scores": None}, r"needs one of 'perceived' .*, has none"),
        ({"words": WORDS[:1]}, r"line 1: the phones of 'words' are not those of 'canonical'; correct one, or omit"),
        ({"words": "the bus"}, r"line 1: field 'words' must be a list of objects"),
        ({"words": ["the", "bus"]}, r"line 1, words 0: expected an object with text and phones"),
        ({"words": [{"phones": ["DH", "AH0"]}, WORDS[1]]}, r"line 1, words 0: field 'text' must be"),
    ],
)
def test_read_table_refuses_scored_rows(tmp_path, changes, message):
    with pytest.raises(CorpusError, match=message):
        read_table(jsonl(tmp_path / "t.jsonl", ROW | changes))


def test_commands_on_a_corpus_of_scores(tmp_path):
    rows = [
        ROW | {"utt": f"u{number}", "speaker": speaker, "text": f"The bus {number}", "words": WORDS}
        for speaker in "XY"
        for number in range(10)
    ]
    report = build_table(jsonl(tmp_path / "t.jsonl", *rows), tmp_path)
    assert report.num_utterances == {"train": 9, "val": 1, "test": 10}
    assert report.excluded == {}
    checked = check_corpus(tmp_path)
    assert checked.problems == ()
    assert (checked.splits["test"].num_with_err, checked.splits["test"].num_substitutions) == (10, 0)
    (group,) = corpus_stats(read_manifest(tmp_path / "test.jsonl")).by_l1
    assert (group.num_err, group.correct, group.substituted) == (20, pytest.approx(0.6), pytest.approx(0.4))
    assert group.substitutions == ()
    draw_stats(corpus_stats(read_manifest(tmp_path / "test.jsonl")), tmp_path / "stats.png", "nothing to draw")


@pytest.mark.shared
@pytest.mark.parametrize(("split", "phones", "wrong"), [("train", 47_076, 1_991), ("test", 23_886, 685)])
def test_read_table_real_scores(real_data, split, phones, wrong):
    utterances = read_gold(real_data / "speechocean762" / f"{split}.jsonl")
    tokens = [token for row in utterances for token in row.tokens]
    assert (len(tokens), sum(token.is_err for token in tokens)) == (phones, wrong)
    assert all((token.score < 0.5) == token.is_err for token in tokens)
    assert all(token.position for token in tokens)
    counts = Counter(token.canonical for token in tokens)
    assert counts["ə"] / (counts["ə"] + counts["ʌ"]) == pytest.approx(0.51, abs=0.02)
